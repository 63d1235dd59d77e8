import type { JsonObject } from '../../model/types.ts';

/** What came back; `status` 0 means that nobody answered. */
export interface Answer {
  status: number;
  body: JsonObject;
  /** What the server asks for in Retry-After. */
  retryAfterMs: number;
}

export interface Request {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: object;
  timeoutMs: number;
}

/** One request. Never throws. */
export async function call({ method, url, headers, body, timeoutMs }: Request): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: parse(text), retryAfterMs: Number(response.headers.get('retry-after') ?? 0) * 1000 };
  } catch (error) {
    return { status: 0, body: { error: String(error) }, retryAfterMs: 0 };
  }
}

function parse(text: string): JsonObject {
  const value: unknown = text.startsWith('{') ? JSON.parse(text) : text;
  return typeof value === 'object' && value !== null ? (value as JsonObject) : { text };
}
