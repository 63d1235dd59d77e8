import type { AttemptResult } from './types.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Delay before each attempt in milliseconds, 27.6 h in all: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h (Svix' schedule). */
export const retrySchedule: readonly number[] = [
  0,
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  10 * hour,
];

/** A Retry-After beyond this is not waited for. */
export const maxRetryAfterMs = 10 * hour;

const jitter = 0.2;

export interface RetryOptions {
  /** Delays in milliseconds; its length is how many attempts there are. Default: {@link retrySchedule}. */
  schedule?: readonly number[];
  /** A number from 0 to 1 that spreads the delay by ±20 %; 0.5 leaves it as it is. */
  random: number;
  /** What the destination asked for. It can lengthen the delay, not shorten it: else eight quick refusals would use up a day's attempts. */
  retryAfterMs?: number;
}

/** Milliseconds to wait before the next attempt; null when all attempts are made. */
export function nextRetryDelayMs(attemptsMade: number, options: RetryOptions): number | null {
  const delay = (options.schedule ?? retrySchedule)[attemptsMade];
  if (delay === undefined) return null;
  const spread = Math.round(delay * (1 - jitter + 2 * jitter * options.random));
  const asked = Math.min(Math.max(options.retryAfterMs ?? 0, 0), maxRetryAfterMs);
  return Math.max(spread, asked);
}

/** The pause of a destination that does not say how long; doubled up to the longest while it asks again soon after. */
export const firstPauseMs = second;
export const longestPauseMs = minute;
/** A destination may ask for a pause of this long at most; a single message may wait for longer. */
const maxPauseMs = hour;
/** What a destination, or the gateway before it, answers that has too much to do (Standard Webhooks). */
const slowDownCodes: readonly (number | null)[] = [429, 502, 504];

/** Milliseconds for which a destination wants no message at all: 0 when it does not say how long, null when it does not ask. */
export function slowDownMs(result: AttemptResult): number | null {
  if (result.ok || result.kind !== 'retryable') return null;
  if (result.retryAfterMs !== undefined) return Math.min(result.retryAfterMs, maxPauseMs);
  return slowDownCodes.includes(result.statusCode) ? 0 : null;
}
