import type { Json, JsonObject } from '../../../model/types.ts';
import { delivered, type Failure, failed, statusLine, type Success, unanswered } from '../attempt.ts';
import type { SendIo } from '../channel.ts';
import type { OutgoingResponse } from '../http.ts';
import { readConfig, slackApiUrl } from './config.ts';
import { slackFailure } from './errors.ts';
import { userAgent } from '../version.ts';

type Answered = Extract<OutgoingResponse, { kind: 'answered' }>;

export const defaultTimeoutMs = 15_000;

/** What is left of the timeout for a further call, however long the ones before it took. */
const leastMs = 1000;

/** Answers repeat whole messages or list hundreds of channels, and must be read to their end. */
const responseBytes = 2 * 1024 * 1024;

/** What Slack's Web API made of a call. */
export type ApiAnswer =
  | { ok: true; body: JsonObject; result: Success }
  /** `code` is Slack's own, such as `channel_not_found`; absent when it gave none. */
  | { ok: false; code?: string; result: Failure };

export type Refusal = Extract<ApiAnswer, { ok: false }>;

/** A workspace, as the app with its bot token sees it. All calls together share one timeout. */
export interface WebApi {
  /** Sends JSON, as methods that write take it. */
  write(method: string, args: Json): Promise<ApiAnswer>;
  /** Sends a form, which every method takes. */
  call(method: string, args: Record<string, string>): Promise<ApiAnswer>;
}

/** @throws ZodError when `config` is none of Slack's */
export function openWebApi(config: JsonObject, token: string, io: Pick<SendIo, 'http' | 'timeoutMs'>): WebApi {
  const base = (readConfig(config).api_url ?? slackApiUrl).replace(/\/+$/, '');
  const { http, timeoutMs = defaultTimeoutMs } = io;
  const startedAt = performance.now();

  async function request(method: string, contentType: string, body: string): Promise<ApiAnswer> {
    const leftMs = timeoutMs - (performance.now() - startedAt);
    if (leftMs <= 0) return unusable(`Slack took longer than ${timeoutMs / 1000} s for all the calls that were needed`, Math.round(timeoutMs - leftMs));
    const response = await http.post({
      url: `${base}/${method}`,
      headers: { 'content-type': `${contentType}; charset=utf-8`, 'user-agent': userAgent, authorization: `Bearer ${token}` },
      body,
      timeoutMs: Math.max(Math.min(timeoutMs, leastMs), Math.round(leftMs)),
      maxResponseBytes: responseBytes,
    });
    const durationMs = Math.round(performance.now() - startedAt);
    return judge({ ...response, durationMs });
  }

  return {
    write: (method, args) => request(method, 'application/json', JSON.stringify(args)),
    call: (method, args) => request(method, 'application/x-www-form-urlencoded', new URLSearchParams(args).toString()),
  };
}

/** The Web API answers 200 with `ok: false` for nearly every failure. */
function judge(response: OutgoingResponse): ApiAnswer {
  if (response.kind !== 'answered') return { ok: false, result: unanswered(response) };
  const { statusCode } = response;
  if (isTransient(response)) return refused(response, 'retryable', `Slack answered ${statusLine(statusCode)}`);
  const body = parse(response.body);
  if (body?.ok === true && statusCode >= 200 && statusCode < 300) return { ok: true, body, result: delivered(response) };
  if (body && typeof body.error === 'string') {
    const { kind, error } = slackFailure(body.error);
    return { ...refused(response, kind, error), code: body.error };
  }
  return refused(response, 'retryable', `Slack answered ${statusLine(statusCode)}, but not as its API does; check api_url`);
}

/** A refusal that is not Slack's own word; it may pass. */
export function unusable(error: string, durationMs = 0): Refusal {
  return { ok: false, result: { ok: false, kind: 'retryable', error, statusCode: null, response: null, durationMs } };
}

function refused(answer: Answered, kind: 'retryable' | 'permanent', error: string): Refusal {
  return { ok: false, result: failed(answer, kind, error) };
}

export function isTransient({ statusCode }: Answered): boolean {
  return statusCode === 429 || statusCode >= 500;
}

function parse(body: string): JsonObject | undefined {
  try {
    const parsed: Json = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
