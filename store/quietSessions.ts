import { sql } from 'kysely';
import type { SessionState } from '../model/session.ts';
import type { Db } from './database.ts';

/** An open session, all of whose events are decided. */
export interface QuietSession {
  organisationId: string;
  sessionId: string;
  state: SessionState;
  /** When its last event was stored. */
  appendedAt: Date;
  /** The clock of Postgres. */
  now: Date;
}

/** Open sessions that have had no event for `quietMs`, among those with keys above `afterKey` up to `toKey`. */
export async function findQuietSessions(db: Db, quietMs: number, { afterKey, toKey }: { afterKey: number; toKey: number }): Promise<QuietSession[]> {
  const { rows } = await sql<QuietSession>`
    select s.organisation_id as "organisationId", s.id as "sessionId", p.snapshot as state, p.appended_at as "appendedAt", now() as now
    from sessions s join session_progress p on p.session_key = s.key
    where s.key > ${afterKey} and s.key <= ${toKey} and s.status not in ('completed', 'failed', 'cancelled')
      and p.decided_seq = p.last_seq and p.snapshot is not null and p.appended_at < now() - ${quietMs} * interval '1 millisecond'
    order by s.key`.execute(db);
  return rows;
}

/** Key of the session that was created last; 0 when there is none. */
export async function newestSessionKey(db: Db): Promise<number> {
  const { rows } = await sql<{ key: number }>`select coalesce(max(key), 0) as key from sessions`.execute(db);
  return rows[0]!.key;
}
