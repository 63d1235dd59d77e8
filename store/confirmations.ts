import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { ConfirmationChange, ConfirmationStatus } from '../model/confirmations.ts';
import type { ConfirmationOutcome } from '../model/timeouts.ts';
import type { JsonObject } from '../model/types.ts';
import type { Db } from './database.ts';
import { type Page, pageOf, type PageRequest } from './paging.ts';

/** A question of a session, and what became of it. */
export interface Confirmation {
  id: string;
  sessionKey: number;
  sessionId: string;
  /** The event that asks. */
  eventId: string;
  seq: number;
  status: ConfirmationStatus;
  /** Payload of the event that asks: what is to be confirmed. */
  asked: JsonObject;
  askedAt: Date;
  /** Null: it waits for ever. */
  expiresAt: Date | null;
  onTimeout: ConfirmationOutcome;
  closedAt: Date | null;
  /** The event that answered it, or went on without an answer. */
  closedByEventId: string | null;
  /** Who answered; `timeout` when nobody did in time. */
  decidedBy: string | null;
  reason: string | null;
}

/** A confirmation's id follows from the event that asks, so that recording it twice creates it once. */
export function confirmationId(sessionKey: number, eventId: string): string {
  const digest = createHash('sha256').update(JSON.stringify([sessionKey, eventId])).digest('hex');
  return `cnf_${digest.slice(0, 32)}`;
}

/** Stores what events did to a session's confirmations, in the caller's transaction and in their order. The first answer stays. */
export async function recordConfirmations(
  trx: Db,
  session: { organisationId: string; key: number },
  changes: ConfirmationChange[],
): Promise<void> {
  for (const change of changes) {
    const id = confirmationId(session.key, change.eventId);
    if (change.change === 'asked') {
      await trx
        .insertInto('confirmations')
        .values({
          id,
          organisation_id: session.organisationId,
          session_key: session.key,
          seq: change.seq,
          event_id: change.eventId,
          asked_at: change.askedAt ?? sql<Date>`clock_timestamp()`,
          expires_at: change.expiresAt,
          on_timeout: change.onTimeout,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    } else {
      await trx
        .updateTable('confirmations')
        .set({
          status: change.status,
          closed_at: sql<Date>`clock_timestamp()`,
          closed_by_event_id: change.closedByEventId,
          decided_by: storable(change.decidedBy),
          reason: storable(change.reason),
        })
        .where('id', '=', id)
        .where('status', '=', 'pending')
        .execute();
    }
  }
}

/** One confirmation of an organisation; of one session, when it is named. */
export async function readConfirmation(db: Db, organisationId: string, id: string, sessionId?: string): Promise<Confirmation | undefined> {
  return selectConfirmations(db, organisationId)
    .where('c.id', '=', id)
    .$if(sessionId !== undefined, (query) => query.where('s.id', '=', sessionId!))
    .executeTakeFirst();
}

/** Newest first. A position in this list is an event's `seq`. */
export async function listConfirmations(
  db: Db,
  organisationId: string,
  sessionKey: number,
  filter: { status?: ConfirmationStatus },
  page: PageRequest<number>,
): Promise<Page<Confirmation, number>> {
  const rows = await selectConfirmations(db, organisationId)
    .where('c.session_key', '=', sessionKey)
    .$if(filter.status !== undefined, (query) => query.where('c.status', '=', filter.status!))
    .$if(page.after !== undefined, (query) => query.where('c.seq', '<', page.after!))
    .orderBy('c.seq', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageOf(
    rows,
    page.limit,
    (row): Confirmation => row,
    (row) => row.seq,
  );
}

function selectConfirmations(db: Db, organisationId: string) {
  return db
    .selectFrom('confirmations as c')
    .innerJoin('sessions as s', 's.key', 'c.session_key')
    .innerJoin('events as e', (join) => join.onRef('e.session_key', '=', 'c.session_key').onRef('e.seq', '=', 'c.seq'))
    .select(['c.id', 'c.session_key as sessionKey', 's.id as sessionId', 'c.event_id as eventId', 'c.seq', 'c.status'])
    .select(['e.payload as asked', 'c.asked_at as askedAt', 'c.expires_at as expiresAt', 'c.on_timeout as onTimeout'])
    .select(['c.closed_at as closedAt', 'c.closed_by_event_id as closedByEventId', 'c.decided_by as decidedBy', 'c.reason'])
    .where('c.organisation_id', '=', organisationId);
}

/** Postgres text holds no NUL. */
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\u0000', '\uFFFD');
}
