import { sql } from 'kysely';
import { carryPayload } from '../model/cut.ts';
import type { SessionState } from '../model/session.ts';
import type { JsonObject, SessionEvent } from '../model/types.ts';
import type { Db } from './database.ts';

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
 * @param limit At most so many events, and about `maxJson` characters of payload; at least one event if there is one.
 */
export async function loadEventsAfter(
  db: Db,
  sessionKey: number,
  afterSeq: number,
  limit: { events: number; maxJson: number },
): Promise<SessionEvent[]> {
  const rows = await db
    .selectFrom('events')
    .select(['seq', 'event_id', 'type', 'agent_ref', 'effects', 'silent', 'rules_version', 'occurred_at'])
    .select(sql<string>`payload::text`.as('payload'))
    .where('session_key', '=', sessionKey)
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit.events)
    .execute();
  const events: SessionEvent[] = [];
  let room = limit.maxJson;
  for (const row of rows) {
    const { payload, cut } = carryPayload(JSON.parse(row.payload) as JsonObject, row.payload.length);
    room -= cut.length > 0 ? JSON.stringify(payload).length : row.payload.length;
    if (room < 0 && events.length > 0) break;
    events.push({
      seq: row.seq,
      id: row.event_id,
      type: row.type,
      payload,
      ...(row.agent_ref === null ? {} : { agentRef: row.agent_ref }),
      rulesVersion: row.rules_version,
      occurredAt: row.occurred_at.toISOString(),
      ...(row.effects ? { effects: row.effects } : {}),
      ...(row.silent ? { silent: true as const } : {}),
      ...(cut.length > 0 ? { cut } : {}),
    });
  }
  return events;
}

/** A session with stored events that are not decided. */
export interface UndecidedSession {
  organisationId: string;
  sessionId: string;
  sessionKey: number;
  lastSeq: number;
}

/** Sessions whose news nobody acted on for `olderThanMs`, in the order of their keys. */
export async function findUndecidedSessions(db: Db, olderThanMs: number, page: { afterKey: number; limit: number }): Promise<UndecidedSession[]> {
  const { rows } = await sql<UndecidedSession>`
    select s.organisation_id as "organisationId", s.id as "sessionId", s.key as "sessionKey", p.last_seq as "lastSeq"
    from session_progress p join sessions s on s.key = p.session_key
    where p.last_seq > p.decided_seq and p.appended_at < now() - ${olderThanMs} * interval '1 millisecond'
      and p.session_key > ${page.afterKey}
    order by p.session_key limit ${page.limit}`.execute(db);
  return rows;
}
