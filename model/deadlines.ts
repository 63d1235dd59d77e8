import { isOwnEventId } from './eventIds.ts';
import { isEnded, isPaused, isWaiting, REMINDER, type SessionState } from './session.ts';
import { effectiveTimeouts, TIMEOUTS_CHANGED } from './timeouts.ts';
import type { JsonObject } from './types.ts';

export type DeadlineKind = 'idle' | 'max_duration' | 'pause' | 'confirmation' | 'reminder';

/** A time at which something happens to a session unless something else happens first. */
export interface Deadline {
  kind: DeadlineKind;
  /** The event from which it counts; 0 for the session as a whole. */
  seq: number;
  /** Milliseconds since 1970. */
  at: number;
}

/**
 * What will happen to a session if nobody does anything, soonest first. A reminder of what is due already is left out.
 *
 * @param activeAt When the session last gave a sign of life, in milliseconds since 1970.
 * @param now Milliseconds since 1970, by the same clock as everything in the state.
 */
export function deadlinesOf(state: SessionState, activeAt: number, now: number): Deadline[] {
  if (isEnded(state.status) || state.status === 'queued' || state.status === 'starting') return [];
  const { idleMs, maxDurationMs, reminderMs } = effectiveTimeouts(state.timeouts);
  const deadlines: Deadline[] = [];
  const add = (kind: DeadlineKind, seq: number, at: number) => deadlines.push({ kind, seq, at });
  if (maxDurationMs !== null && state.startedAt !== undefined) add('max_duration', 0, Date.parse(state.startedAt) + maxDurationMs);
  if (!isWaiting(state.status)) {
    if (idleMs !== null) add('idle', 0, activeAt + idleMs);
  } else if (state.since) {
    const { seq, at } = state.since;
    const end = waitEndsAt(state);
    if (end !== null) {
      add(isPaused(state.status) ? 'pause' : 'confirmation', seq, end);
      const remindAt = end - (reminderMs ?? 0);
      if (reminderMs !== null && !state.remindedBySeq && remindAt > Date.parse(at) && end > now) add('reminder', seq, remindAt);
    }
  }
  return deadlines.toSorted((a, b) => a.at - b.at);
}

/**
 * Whether an event shows that its agent is alive: any but what commands, time-outs and changed timeouts become. Going on
 * after a pause or an answer gives the agent its time again.
 */
export function isSignOfLife(event: { id: string; type: string; silent?: boolean }): boolean {
  return event.type === 'ExecutionResumed' || !(isOwnEventId(event.id) || isChangeOfTimeouts(event));
}

/** Whether an event is what somebody's change of a session's timeouts became. */
export function isChangeOfTimeouts({ type, silent }: { type: string; silent?: boolean }): boolean {
  return silent === true && type === TIMEOUTS_CHANGED;
}

/** When a session that is paused or asks waits no longer, in milliseconds since 1970; null when it waits for ever. */
export function waitEndsAt(state: SessionState): number | null {
  if (isPaused(state.status)) {
    const { pauseMs } = effectiveTimeouts(state.timeouts);
    return pauseMs === null || !state.since ? null : Date.parse(state.since.at) + pauseMs;
  }
  const expiresAt = state.confirmation?.expiresAt ?? null;
  return expiresAt === null ? null : Date.parse(expiresAt);
}

/** Who answers a question that nobody answers. */
const NOBODY = 'timeout';

/**
 * The event that a deadline becomes.
 *
 * @param confirmationId Of the question that waits for its answer.
 */
export function deadlineEvent(kind: DeadlineKind, state: SessionState, confirmationId: string | undefined): { type: string; payload: JsonObject } {
  const asked: JsonObject = confirmationId === undefined ? {} : { confirmation_id: confirmationId };
  switch (kind) {
    case 'idle':
      return cancelled('no_activity', kind);
    case 'max_duration':
    case 'pause':
      return cancelled('timeout', kind);
    case 'confirmation': {
      const outcome = state.confirmation?.onTimeout ?? 'reject';
      if (outcome === 'cancel') return cancelled('timeout', kind, { ...asked, decided_by: NOBODY });
      const decision = outcome === 'approve' ? 'approved' : 'rejected';
      return { type: 'ExecutionResumed', payload: { ...asked, decision, decided_by: NOBODY, reason: 'timeout' } };
    }
    case 'reminder':
      return { type: REMINDER, payload: { ...reminder(state), ...asked } };
  }
}

function cancelled(reason: string, timedOut: DeadlineKind, more: JsonObject = {}): { type: string; payload: JsonObject } {
  return { type: 'ExecutionCancelled', payload: { reason, outcome: 'cancelled', timed_out: timedOut, ...more } };
}

/** What happens when the session has waited long enough. */
export function afterTheWait(state: SessionState): 'approve' | 'reject' | 'cancel' {
  return isPaused(state.status) ? 'cancel' : (state.confirmation?.onTimeout ?? 'reject');
}

const outcomeTexts = { approve: 'it is approved', reject: 'it is rejected', cancel: 'the session is cancelled' };

function reminder(state: SessionState): JsonObject {
  const due = new Date(waitEndsAt(state) ?? 0).toISOString();
  const outcome = afterTheWait(state);
  const waitsFor = isPaused(state.status) ? 'resume' : 'confirmation';
  const text = isPaused(state.status) ? 'Paused' : 'Waits for confirmation';
  return { message: `${text} until ${due}, then ${outcomeTexts[outcome]}`, waits_for: waitsFor, due_at: due, on_timeout: outcome };
}
