import { sql } from 'kysely';
import type { Db } from './database.ts';

/** What is stored and waits: for its decision, or to be delivered. */
export interface StoredBacklog {
  /** Events that no workflow has decided yet. */
  undecidedEvents: number;
  /** Sessions that have such events. */
  undecidedSessions: number;
  /** Since the oldest of them was stored; null when there is none. Seconds. */
  oldestUndecidedS: number | null;
  /** Deliveries whose first attempt has no outcome yet. */
  pendingDeliveries: number;
  /** Since the oldest of them was decided; null when there is none. Seconds. */
  oldestPendingS: number | null;
  /** Deliveries that wait for another attempt. */
  retryingDeliveries: number;
}

/** @param organisationId Of one organisation; absent: of the whole installation. */
export async function readBacklog(db: Db, organisationId?: string): Promise<StoredBacklog> {
  const whose = organisationId ?? null;
  const { rows } = await sql<StoredBacklog>`
    select u.*, d.*
    from (
      select coalesce(sum(p.last_seq - p.decided_seq), 0)::bigint as "undecidedEvents", count(*) as "undecidedSessions",
             extract(epoch from clock_timestamp() - min(e.received_at))::float8 as "oldestUndecidedS"
      from session_progress p
      join sessions s on s.key = p.session_key
      left join events e on e.session_key = p.session_key and e.seq = p.decided_seq + 1
      where p.last_seq > p.decided_seq and (${whose}::uuid is null or s.organisation_id = ${whose}::uuid)
    ) as u, (
      select count(*) filter (where status = 'pending') as "pendingDeliveries",
             extract(epoch from clock_timestamp() - min(created_at) filter (where status = 'pending'))::float8 as "oldestPendingS",
             count(*) filter (where status = 'retrying') as "retryingDeliveries"
      from deliveries
      where status in ('pending', 'retrying') and (${whose}::uuid is null or organisation_id = ${whose}::uuid)
    ) as d`.execute(db);
  return rows[0]!;
}
