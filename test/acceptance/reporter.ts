import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../model/types.ts';

/** What a client's persistence has cost it so far. */
export interface Persistence {
  requests: number;
  /** Refused, broken off or answered with 5xx, and sent again as they were. */
  repeated: number;
  slowestMs: number;
}

/** An agent's program that sends a request again, unchanged, until it is answered with 2xx. */
export interface Reporter {
  persistence: Persistence;
  /** @throws Error when the answer is a refusal that repeating would not change */
  post(path: string, body: JsonObject, headers: Record<string, string>): Promise<JsonObject | string>;
}

const PAUSE_MS = 200;
const REQUEST_MS = 20_000;
const GIVE_UP_MS = 120_000;

export function createReporter(url: string): Reporter {
  const persistence: Persistence = { requests: 0, repeated: 0, slowestMs: 0 };

  async function attempt(path: string, body: JsonObject, headers: Record<string, string>): Promise<Response | undefined> {
    const startedAt = performance.now();
    persistence.requests += 1;
    try {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      const text = await response.text();
      return new Response(text, { status: response.status });
    } catch {
      return undefined;
    } finally {
      persistence.slowestMs = Math.max(persistence.slowestMs, performance.now() - startedAt);
    }
  }

  return {
    persistence,
    async post(path, body, headers) {
      const giveUpAt = Date.now() + GIVE_UP_MS;
      for (;;) {
        const response = await attempt(path, body, headers);
        if (response?.ok) return (await response.json()) as JsonObject | string;
        const again = response === undefined || response.status >= 500;
        if (!again || Date.now() > giveUpAt) throw new Error(`POST ${path}: ${response ? `${response.status} ${await response.text()}` : 'no answer'}`);
        persistence.repeated += 1;
        await sleep(PAUSE_MS);
      }
    },
  };
}
