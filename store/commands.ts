import { sql } from 'kysely';
import { eventCatalogue } from '../model/events.ts';
import { applyEvent, initialState, REMINDER, type SessionState } from '../model/session.ts';
import { TIMEOUTS_CHANGED } from '../model/timeouts.ts';
import type { JsonObject, SessionStatus } from '../model/types.ts';
import { lockSessions, type SessionLock } from './append.ts';
import type { Db } from './database.ts';
import { carriedEvent, selectCarried } from './progress.ts';

/** A session whose lock the transaction holds, in the state that all its stored events come to, decided or not. */
export interface NewestState {
  lock: SessionLock;
  state: SessionState;
  /** The clock of Postgres. */
  now: Date;
}

/** Locks a session, so that nothing is appended meanwhile, and works out its newest state. */
export async function lockNewestState(trx: Db, organisationId: string, sessionId: string): Promise<NewestState | undefined> {
  const lock = [...(await lockSessions(trx, [{ organisationId, sessionId }])).values()][0];
  if (!lock) return undefined;
  const { decided_seq: decidedSeq, snapshot, now } = await trx
    .selectFrom('session_progress')
    .select(['decided_seq', 'snapshot', sql<Date>`clock_timestamp()`.as('now')])
    .where('session_key', '=', lock.key)
    .executeTakeFirstOrThrow();
  const undecided = decidedSeq < lock.lastSeq ? await loadMovingEvents(trx, lock.key, decidedSeq) : [];
  const state = undecided.reduce((before, event) => applyEvent(before, event).state, snapshot ?? initialState());
  return { lock, state, now };
}

const movingTypes = [...eventCatalogue.filter((type) => type.status !== undefined).map((type) => type.name), REMINDER];

/** The events that can change a session's state, among however many. The first of them all makes it run. */
async function loadMovingEvents(trx: Db, sessionKey: number, afterSeq: number) {
  const rows = await selectCarried(trx)
    .where('session_key', '=', sessionKey)
    .where('seq', '>', afterSeq)
    .where((is) =>
      is.or([
        is('effects', 'is not', null),
        is('type', 'in', movingTypes),
        is(
          'seq',
          '=',
          is
            .selectFrom('events as first')
            .select((first) => first.fn.min('first.seq').as('seq'))
            .where('first.session_key', '=', sessionKey)
            .where('first.seq', '>', afterSeq)
            .where('first.silent', '=', false),
        ),
      ]),
    )
    .orderBy('seq')
    .execute();
  return rows.map(carriedEvent);
}

/** The event that a command became. */
export interface CommandEvent {
  id: string;
  seq: number;
  type: string;
  payload: JsonObject;
}

/** Id of the event that a command becomes. */
export function commandEventId(requestId: string): string {
  return `command:${requestId}`;
}

export async function findCommandEvent(db: Db, sessionKey: number, requestId: string): Promise<CommandEvent | undefined> {
  return db
    .selectFrom('events')
    .select(['event_id as id', 'seq', 'type', 'payload'])
    .where('session_key', '=', sessionKey)
    .where('event_id', '=', commandEventId(requestId))
    .executeTakeFirst();
}

/** A session as whoever sends it a command needs it. */
export interface CommandedSession {
  key: number;
  /** As of its last decided event. */
  status: SessionStatus;
  /** Number of its last event, decided or not. */
  lastSeq: number;
}

export async function findCommandedSession(db: Db, organisationId: string, sessionId: string): Promise<CommandedSession | undefined> {
  return db
    .selectFrom('sessions as s')
    .innerJoin('session_progress as p', 'p.session_key', 's.key')
    .select(['s.key', 's.status', 'p.last_seq as lastSeq'])
    .where('s.organisation_id', '=', organisationId)
    .where('s.id', '=', sessionId)
    .executeTakeFirst();
}

/**
 * When the session last gave a sign of life (model/deadlines.ts#isSignOfLife), by the clock of Postgres.
 */
export async function lastActivityAt(db: Db, sessionKey: number): Promise<Date | undefined> {
  const row = await db
    .selectFrom('events')
    .select('received_at')
    .where('session_key', '=', sessionKey)
    .where((is) =>
      is.or([
        is('type', '=', 'ExecutionResumed'),
        is.not(
          is.or([
            is('event_id', 'like', 'command:%'),
            is('event_id', 'like', 'timer:%'),
            is.and([is('silent', '=', true), is('type', '=', TIMEOUTS_CHANGED)]),
          ]),
        ),
      ]),
    )
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.received_at;
}
