import { retrySchedule } from '../model/retry.ts';

/** How long sending may take. Milliseconds. */
export interface SendTimings {
  /** A first attempt holds up the messages behind it, and its session, no longer than this. */
  patienceMs: number;
  /** How long the sender of a new delivery has it to itself. */
  leaseMs: number;
  /** A first attempt that cannot begin this long before its lease ends does not begin: it may take 30 s. */
  leaseMarginMs: number;
  /** How long the sender of a retry has the delivery to itself: longer than an attempt can take. */
  attemptLeaseMs: number;
  /** How long a session's activity waits for the next events after it has sent those of its batch. */
  listenMs: number;
  /** Delay before each attempt; its length is how many attempts there are. */
  retrySchedule: readonly number[];
}

export const defaultSendTimings: SendTimings = {
  patienceMs: 1000,
  leaseMs: 90_000,
  leaseMarginMs: 35_000,
  attemptLeaseMs: 45_000,
  listenMs: 3000,
  retrySchedule,
};
