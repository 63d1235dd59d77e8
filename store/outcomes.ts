import { sql } from 'kysely';
import type { AttemptResult, DeliveryStatus } from '../model/types.ts';
import type { Db } from './database.ts';

/** The end of one attempt at a delivery. */
export interface Outcome {
  deliveryId: string;
  /** Who held the lease; only this lease is given up. */
  owner: string;
  startedAt: Date;
  result: AttemptResult;
  /** Status that follows from the result. */
  status: Extract<DeliveryStatus, 'delivered' | 'retrying' | 'failed'>;
  /** Milliseconds from now until the next attempt, for `retrying`. */
  nextAttemptMs: number | null;
}

/**
 * Records the outcomes of attempts, many at once. A terminal status is never overwritten, and who lost
 * its lease can only report that the message arrived: a process that was frozen while it sent changes
 * nothing else when it wakes up. Its attempt is kept all the same. Recording an outcome again changes nothing.
 */
export async function recordOutcomes(db: Db, outcomes: Outcome[]): Promise<void> {
  const counts = sql`(d.status in ('pending', 'retrying') and (w.status = 'delivered' or d.lease_owner = w.owner))`;
  await sql`
    with w as (
      select * from unnest(
        ${outcomes.map((o) => o.deliveryId)}::text[], ${outcomes.map((o) => o.owner)}::text[],
        ${outcomes.map((o) => o.startedAt)}::timestamptz[],
        ${outcomes.map((o) => o.result.durationMs)}::integer[], ${outcomes.map((o) => o.result.ok)}::boolean[],
        ${outcomes.map((o) => o.result.statusCode)}::integer[],
        ${outcomes.map((o) => storable(o.result.ok ? null : o.result.error))}::text[],
        ${outcomes.map((o) => storable(o.result.response))}::text[],
        ${outcomes.map((o) => o.status)}::text[], ${outcomes.map((o) => o.nextAttemptMs)}::bigint[])
      as w (id, owner, started_at, duration_ms, ok, status_code, error, response, status, next_ms)
    ), counted as (
      update deliveries d
      set attempt_count = d.attempt_count + 1,
          status = case when ${counts} then w.status else d.status end,
          last_error = case when ${counts} then w.error else d.last_error end,
          completed_at = case when ${counts} and w.status <> 'retrying' then clock_timestamp() else d.completed_at end,
          next_attempt_at = case when ${counts} then clock_timestamp() + w.next_ms * interval '1 millisecond' else d.next_attempt_at end,
          lease_owner = case when ${counts} then null else d.lease_owner end,
          lease_until = case when ${counts} then null else d.lease_until end
      from w
      -- recorded already, when the answer to that got lost
      where d.id = w.id and not exists (select from attempts a where a.delivery_id = w.id and a.started_at = w.started_at)
      returning d.id, d.attempt_count
    )
    insert into attempts (delivery_id, number, started_at, duration_ms, ok, status_code, error, response)
    select w.id, counted.attempt_count, w.started_at, w.duration_ms, w.ok, w.status_code, w.error, w.response
    from w join counted on counted.id = w.id`.execute(db);
}

/** Gives up leases before their time; the deliveries are due at once. */
export async function releaseLeases(db: Db, deliveryIds: string[], owner: string): Promise<void> {
  await sql`
    update deliveries set lease_owner = null, lease_until = null, next_attempt_at = clock_timestamp()
    where id = any(${deliveryIds}::text[]) and lease_owner = ${owner} and status in ('pending', 'retrying')`.execute(db);
}

/** Ends a lease before its time; whoever looks for abandoned deliveries takes it up. */
export async function expireLease(db: Db, id: string, owner: string): Promise<void> {
  await sql`
    update deliveries set lease_until = clock_timestamp()
    where id = ${id} and lease_owner = ${owner} and status = 'pending'`.execute(db);
}

/** Disables an integration on its destination's own word. */
export async function disableIntegration(db: Db, integrationId: string, reason: string): Promise<void> {
  // The organisation's row first, as every change of rules locks it (store/transactions.ts).
  await sql`
    with raised as (
      update organisations o set rules_version = o.rules_version + 1
      from integrations i where i.id = ${integrationId} and i.enabled and o.id = i.organisation_id
      returning o.id
    )
    update integrations i set enabled = false, disabled_reason = ${reason}, updated_at = now()
    from raised where i.id = ${integrationId} and i.organisation_id = raised.id`.execute(db);
}

/** Postgres text holds no NUL. */
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\u0000', '\uFFFD');
}
