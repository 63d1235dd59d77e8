import { STATUS_CODES } from 'node:http';
import type { AttemptResult } from '../../model/types.ts';
import { keptResponseBytes, type OutgoingResponse } from './exchange.ts';

type Answer = Extract<OutgoingResponse, { kind: 'answered' }>;
export type Success = Extract<AttemptResult, { ok: true }>;
export type Failure = Extract<AttemptResult, { ok: false }>;

/** The result of a request that got no answer: a forbidden address stays forbidden, anything else may pass. */
export function unanswered(response: Exclude<OutgoingResponse, Answer>): Failure {
  return {
    ok: false,
    kind: response.kind === 'forbidden' ? 'permanent' : 'retryable',
    error: response.error,
    statusCode: null,
    response: null,
    durationMs: response.durationMs,
  };
}

export function delivered(answer: Answer): Success {
  return { ok: true, statusCode: answer.statusCode, ...kept(answer), durationMs: answer.durationMs };
}

export function failed(answer: Answer, kind: Failure['kind'], error: string): Failure {
  const { statusCode, durationMs, retryAfterMs } = answer;
  return {
    ok: false,
    kind,
    error,
    statusCode,
    ...kept(answer),
    durationMs,
    ...(kind === 'retryable' && retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** `503 Service Unavailable` */
export function statusLine(statusCode: number): string {
  return `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim();
}

function kept({ body, isCut }: Answer): Pick<AttemptResult, 'response' | 'responseIsCut'> {
  const response = body.slice(0, keptResponseBytes).toWellFormed();
  return { response, ...((isCut || response.length < body.length) && { responseIsCut: true }) };
}
