/** What becomes of a question that nobody answers in time. */
export type ConfirmationOutcome = 'approve' | 'reject' | 'cancel';

/** How long a session may do what. Milliseconds; null means for ever. */
export interface SessionTimeouts {
  /** Silence of a running agent, after which its session is cancelled with `no_activity`. */
  idleMs: number | null;
  /** From the session's start to its end, whatever it does meanwhile. */
  maxDurationMs: number | null;
  /** How long it may be paused before it is cancelled with `timeout`. */
  pauseMs: number | null;
  /** How long a question waits for its answer. */
  confirmationMs: number | null;
  onConfirmationTimeout: ConfirmationOutcome;
  /** So long before a pause or a question times out comes an ExecutionReminder; a time-out that is nearer from the start has none. */
  reminderMs: number | null;
}

/** The type of the silent event that tells a session's workflow of changed timeouts. */
export const TIMEOUTS_CHANGED = 'TimeoutsChanged';

const HOUR_MS = 3_600_000;

/** For whatever neither the session nor its organisation says. */
export const defaultTimeouts: SessionTimeouts = {
  idleMs: 24 * HOUR_MS,
  maxDurationMs: null,
  pauseMs: null,
  confirmationMs: 24 * HOUR_MS,
  onConfirmationTimeout: 'reject',
  reminderMs: HOUR_MS,
};

/** The timeouts that hold, from what was set. */
export function effectiveTimeouts(set: Partial<SessionTimeouts> | undefined): SessionTimeouts {
  return { ...defaultTimeouts, ...set };
}
