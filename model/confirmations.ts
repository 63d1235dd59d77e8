import { type ConfirmationOutcome, effectiveTimeouts, type SessionTimeouts } from './timeouts.ts';
import type { JsonObject, SessionEvent } from './types.ts';

/** `cancelled`: the session went on or ended, or asked something else, without an answer. */
export type ConfirmationStatus = 'pending' | 'approved' | 'rejected' | 'cancelled';

/** A question of a session that somebody is to answer. */
export interface OpenConfirmation {
  /** The event that asks; a confirmation's id derives from it. */
  eventId: string;
  seq: number;
  /** By the clock of Postgres, like `expiresAt`: ISO 8601, UTC. Null for events from before there were confirmations. */
  askedAt: string | null;
  /** Null: it waits for ever. */
  expiresAt: string | null;
  onTimeout: ConfirmationOutcome;
}

/** What an event does to the confirmations of its session. */
export type ConfirmationChange =
  | ({ change: 'asked' } & OpenConfirmation)
  | {
      change: 'closed';
      /** The event that had asked. */
      eventId: string;
      status: Exclude<ConfirmationStatus, 'pending'>;
      closedByEventId: string;
      decidedBy: string | null;
      reason: string | null;
    };

/** The outcomes as events and requests name them. */
export const confirmationOutcomes: readonly ConfirmationOutcome[] = ['approve', 'reject', 'cancel'];

/** The question that an ExecutionAwaitingConfirmation asks. It may say itself how long it waits, and what then: `timeout_s`, `on_timeout`. */
export function openConfirmation(event: SessionEvent, set: Partial<SessionTimeouts> | undefined): OpenConfirmation {
  const { confirmationMs, onConfirmationTimeout } = effectiveTimeouts(set);
  const waitMs = secondsOf(event.payload.timeout_s) ?? confirmationMs;
  const askedAt = event.receivedAt ?? null;
  return {
    eventId: event.id,
    seq: event.seq,
    askedAt,
    expiresAt: askedAt === null || waitMs === null ? null : new Date(Date.parse(askedAt) + waitMs).toISOString(),
    onTimeout: confirmationOutcomes.find((outcome) => outcome === event.payload.on_timeout) ?? onConfirmationTimeout,
  };
}

/** What became of a session's question, and what it asks now. */
export function confirmationChanges(
  before: OpenConfirmation | null | undefined,
  now: OpenConfirmation | null | undefined,
  event: { id: string; payload: JsonObject },
): ConfirmationChange[] {
  if ((before?.eventId ?? null) === (now?.eventId ?? null)) return [];
  return [
    ...(before ? [closedBy(event, before.eventId)] : []),
    ...(now ? [{ change: 'asked' as const, ...now }] : []),
  ];
}

function closedBy({ id, payload }: { id: string; payload: JsonObject }, eventId: string): ConfirmationChange {
  const { decision, decided_by: decidedBy, reason } = payload;
  const status = decision === 'approved' || decision === 'rejected' ? decision : 'cancelled';
  return { change: 'closed', eventId, status, closedByEventId: id, decidedBy: textOrNull(decidedBy), reason: textOrNull(reason) };
}

/** A year at most: later than any session lasts, and a date that everybody can write. */
const MAX_WAIT_S = 366 * 86_400;

function secondsOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 ? Math.min(value, MAX_WAIT_S) * 1000 : undefined;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, 1000) : null;
}
