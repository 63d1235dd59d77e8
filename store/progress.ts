import { sql } from 'kysely';
import { carryPayload } from '../model/cut.ts';
import { isStatusEvent, type SessionState } from '../model/session.ts';
import type { JsonObject, SessionEvent } from '../model/types.ts';
import type { Db } from './database.ts';

/** Payloads stored in more bytes than this are not read with the others: of a page of large ones a workflow takes but a few. */
const SMALL_BYTES = 2000;
const LARGE_AT_ONCE = 10;

/** How far a session is decided, and the state its workflow had there. */
export interface StoredProgress {
  sessionId: string;
  decidedSeq: number;
  lastSeq: number;
  snapshot: SessionState | null;
}

/** Where a fresh run of a session's workflow begins. */
export async function loadProgress(db: Db, sessionKey: number): Promise<StoredProgress | undefined> {
  return db
    .selectFrom('session_progress as p')
    .innerJoin('sessions as s', 's.key', 'p.session_key')
    .select(['s.id as sessionId', 'p.decided_seq as decidedSeq', 'p.last_seq as lastSeq', 'p.snapshot'])
    .where('p.session_key', '=', sessionKey)
    .executeTakeFirst();
}

/**
 * The next stored events of a session, as its workflow is to see them.
 *
 * @param limit At most so many events, and about `maxJson` characters of payload and effects; at least one event if there is one.
 */
export async function loadEventsAfter(
  db: Db,
  sessionKey: number,
  afterSeq: number,
  limit: { events: number; maxJson: number },
): Promise<SessionEvent[]> {
  const rows = await selectEvents(db)
    .select(sql<string | null>`case when pg_column_size(payload) <= ${SMALL_BYTES} then payload::text end`.as('payload'))
    .where('session_key', '=', sessionKey)
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(sql.lit(limit.events))
    .execute();
  const large = rows.filter((row) => row.payload === null).map((row) => row.seq);
  let payloads = new Map<number, string>();
  const events: SessionEvent[] = [];
  let room = limit.maxJson;
  for (const row of rows) {
    if (row.payload === null && !payloads.has(row.seq)) payloads = await loadPayloads(db, sessionKey, large.splice(0, LARGE_AT_ONCE));
    const payload = row.payload ?? payloads.get(row.seq) ?? '{}';
    const event = carriedEvent({ ...row, payload });
    room -= event.cut ? JSON.stringify(event.payload).length : payload.length;
    if (event.effects) room -= JSON.stringify(event.effects).length;
    if (room < 0 && events.length > 0) break;
    events.push(event);
  }
  return events;
}

async function loadPayloads(db: Db, sessionKey: number, seqs: number[]): Promise<Map<number, string>> {
  const rows = await db
    .selectFrom('events')
    .select(['seq', sql<string>`payload::text`.as('payload')])
    .where('session_key', '=', sessionKey)
    .where('seq', 'in', seqs)
    .execute();
  return new Map(rows.map((row) => [row.seq, row.payload]));
}

/** The columns of a stored event from which {@link carriedEvent} makes what a workflow sees. */
export function selectCarried(db: Db) {
  return selectEvents(db).select(sql<string>`payload::text`.as('payload'));
}

function selectEvents(db: Db) {
  return db
    .selectFrom('events')
    .select(['seq', 'event_id', 'type', 'agent_ref', 'effects', 'silent', 'rules_version', 'occurred_at', 'received_at']);
}

export function carriedEvent(row: CarriedRow): SessionEvent {
  const { payload, cut } = carryPayload(JSON.parse(row.payload) as JsonObject, row.payload.length);
  return {
    seq: row.seq,
    id: row.event_id,
    type: row.type,
    payload,
    ...(row.agent_ref === null ? {} : { agentRef: row.agent_ref }),
    rulesVersion: row.rules_version,
    occurredAt: row.occurred_at.toISOString(),
    ...(isStatusEvent(row.type) ? { receivedAt: row.received_at.toISOString() } : {}),
    ...(row.effects ? { effects: row.effects } : {}),
    ...(row.silent ? { silent: true as const } : {}),
    ...(cut.length > 0 ? { cut } : {}),
  };
}

type CarriedRow = Awaited<ReturnType<ReturnType<typeof selectCarried>['executeTakeFirstOrThrow']>>;

/** From now on nobody listens for the session's next events; answers the last sequence number until then. */
export async function endListening(db: Db, sessionKey: number): Promise<number> {
  const { lastSeq } = await db
    .updateTable('session_progress')
    .set({ listening_until: null })
    .where('session_key', '=', sessionKey)
    .returning('last_seq as lastSeq')
    .executeTakeFirstOrThrow();
  return lastSeq;
}

/** How far sessions are decided, by their keys. */
export async function loadDecidedSeqs(db: Db, sessionKeys: number[]): Promise<Map<number, number>> {
  const { rows } = await sql<{ key: number; decidedSeq: number }>`
    select session_key as key, decided_seq as "decidedSeq" from session_progress
    where session_key = any(${sessionKeys}::bigint[])`.execute(db);
  return new Map(rows.map((row) => [row.key, row.decidedSeq]));
}

/** A session with stored events that are not decided. */
export interface UndecidedSession {
  organisationId: string;
  sessionId: string;
  sessionKey: number;
  lastSeq: number;
}

/** Sessions whose news nobody acted on for `olderThanMs`, and no worker listens for, in the order of their keys. */
export async function findUndecidedSessions(db: Db, olderThanMs: number, page: { afterKey: number; limit: number }): Promise<UndecidedSession[]> {
  const { rows } = await sql<UndecidedSession>`
    select s.organisation_id as "organisationId", s.id as "sessionId", s.key as "sessionKey", p.last_seq as "lastSeq"
    from session_progress p join sessions s on s.key = p.session_key
    where p.last_seq > p.decided_seq and p.appended_at < now() - ${olderThanMs} * interval '1 millisecond'
      and (p.listening_until is null or p.listening_until < now())
      and p.session_key > ${page.afterKey}
    order by p.session_key limit ${page.limit}`.execute(db);
  return rows;
}
