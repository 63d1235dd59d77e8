import { sql } from 'kysely';
import type { SessionStatus } from '../model/types.ts';
import type { Db } from './database.ts';

/** Where a session stands now, for those who wait for it. */
export interface SessionStanding {
  key: number;
  id: string;
  status: SessionStatus;
  /** Number of the last stored event. */
  lastSeq: number;
  /** `status` and `confirmation` take every event up to here into account. */
  decidedSeq: number;
  /** Milliseconds since the last event was stored, by Postgres' clock. */
  quietMs: number;
  /** The last question that was asked. */
  confirmation: LastConfirmation | null;
}

export interface LastConfirmation {
  id: string;
  /** `pending` until it is answered. */
  status: string;
  decidedBy: string | null;
  reason: string | null;
  /** ISO 8601, as Postgres writes it in JSON. */
  askedAt: string;
  expiresAt: string | null;
  closedAt: string | null;
}

/** Undefined when the organisation has no session of this id. */
export async function findStanding(db: Db, organisationId: string, sessionId: string): Promise<SessionStanding | undefined> {
  const { rows } = await sql<SessionStanding>`${standings} where s.organisation_id = ${organisationId}::uuid and s.id = ${sessionId}`.execute(db);
  return rows[0];
}

export async function loadStandings(db: Db, sessionKeys: number[]): Promise<SessionStanding[]> {
  const { rows } = await sql<SessionStanding>`${standings} where s.key = any(${sessionKeys}::bigint[])`.execute(db);
  return rows;
}

const standings = sql`
  select s.key, s.id, s.status, p.last_seq as "lastSeq", p.decided_seq as "decidedSeq",
         (extract(epoch from clock_timestamp() - p.appended_at) * 1000)::float8 as "quietMs",
         (select case when c.status = 'pending' or answer.seq > p.decided_seq
                   then json_build_object('id', c.id, 'status', 'pending', 'askedAt', c.asked_at, 'expiresAt', c.expires_at,
                                          'decidedBy', null, 'reason', null, 'closedAt', null)
                   else json_build_object('id', c.id, 'status', c.status, 'askedAt', c.asked_at, 'expiresAt', c.expires_at,
                                          'decidedBy', c.decided_by, 'reason', c.reason, 'closedAt', c.closed_at) end
          from confirmations c left join events answer on answer.session_key = c.session_key and answer.event_id = c.closed_by_event_id
          where c.session_key = s.key and c.seq <= p.decided_seq order by c.seq desc limit 1) as confirmation
  from sessions s join session_progress p on p.session_key = s.key`;
