import { sql } from 'kysely';
import type { AttemptResult, DeliveryStatus } from '../model/types.ts';
import type { Db } from './database.ts';
import { type Failing, type HealthChange, type HealthNote, updateHealth } from './health.ts';

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
  /** What it says of the integration's health; absent when it says nothing. */
  health?: HealthNote;
}

/**
 * Records the outcomes of attempts, many at once. A terminal status is never overwritten, and who lost
 * its lease can only report that the message arrived: a process that was frozen while it sent changes
 * nothing else when it wakes up. Its attempt is kept all the same. Recording an outcome again changes nothing.
 *
 * @returns How the integrations stand that are failing now, by their ids.
 */
export async function recordOutcomes(db: Db, outcomes: Outcome[]): Promise<Map<string, Failing>> {
  const counts = sql`(d.status in ('pending', 'retrying') and (w.status = 'delivered' or d.lease_owner = w.owner))`;
  // A delivery that was cancelled while it was sent keeps its lease until now.
  const isOver = sql`(${counts} or d.lease_owner = w.owner)`;
  const changes = healthOf(outcomes);
  const arrived = changes.filter(({ failing }) => !failing).map(({ integrationId }) => integrationId);
  const { rows } = await sql<{ integrationId: string }>`
    with w as (
      select * from unnest(
        ${outcomes.map((o) => o.deliveryId)}::text[], ${outcomes.map((o) => o.owner)}::text[],
        ${outcomes.map((o) => o.startedAt)}::timestamptz[],
        ${outcomes.map((o) => o.result.durationMs)}::integer[], ${outcomes.map((o) => o.result.ok)}::boolean[],
        ${outcomes.map((o) => o.result.statusCode)}::integer[],
        ${outcomes.map((o) => errorOf(o))}::text[],
        ${outcomes.map((o) => storable(o.result.response))}::text[], ${outcomes.map((o) => o.result.responseIsCut ?? false)}::boolean[],
        ${outcomes.map((o) => o.status)}::text[], ${outcomes.map((o) => o.nextAttemptMs)}::bigint[],
        ${outcomes.map((o) => referenceOf(o))}::json[])
      as w (id, owner, started_at, duration_ms, ok, status_code, error, response, response_cut, status, next_ms, reference)
    ), counted as (
      update deliveries d
      set attempt_count = d.attempt_count + 1,
          status = case when ${counts} then w.status else d.status end,
          last_error = case when ${counts} then w.error else d.last_error end,
          completed_at = case when ${counts} and w.status <> 'retrying' then clock_timestamp() else d.completed_at end,
          next_attempt_at = case when ${counts} then clock_timestamp() + w.next_ms * interval '1 millisecond' else d.next_attempt_at end,
          lease_owner = case when ${isOver} then null else d.lease_owner end,
          lease_until = case when ${isOver} then null else d.lease_until end,
          message_ref = coalesce(w.reference, d.message_ref),
          settled_at = case when w.reference is null then d.settled_at end
      from w
      -- Recorded already, when the answer to that got lost. Looked up one by one: a join may read all attempts.
      where d.id = w.id and (select count(*) from attempts a where a.delivery_id = w.id and a.started_at = w.started_at) = 0
      returning d.id, d.attempt_count
    ), stored as (
      insert into attempts (delivery_id, number, started_at, duration_ms, ok, status_code, error, response, response_cut)
      select w.id, counted.attempt_count, w.started_at, w.duration_ms, w.ok, w.status_code, w.error, w.response, w.response_cut
      from w join counted on counted.id = w.id
    )
    select integration_id as "integrationId" from integration_health
    where integration_id = any(${arrived}::text[]) and failing_since is not null`.execute(db);
  const recovered = new Set(rows.map(({ integrationId }) => integrationId));
  // Nothing is left to do for healthy destinations.
  return updateHealth(db, changes.filter((change) => change.failing || change.noteSuccess || recovered.has(change.integrationId)));
}

/** What the outcomes of a batch say together of each integration, the last one last. */
function healthOf(outcomes: Outcome[]): HealthChange[] {
  const changes = new Map<string, HealthChange>();
  for (const outcome of outcomes) {
    if (!outcome.health) continue;
    const { integrationId, noteSuccess, slowDownMs } = outcome.health;
    const { ok } = outcome.result;
    const before = changes.get(integrationId);
    changes.set(integrationId, {
      integrationId,
      failing: !ok,
      succeeded: ok || (before?.succeeded ?? false),
      noteSuccess: noteSuccess || (before?.noteSuccess ?? false),
      error: errorOf(outcome) ?? before?.error ?? null,
      slowDownMs: ok ? (before?.slowDownMs ?? null) : (slowDownMs ?? before?.slowDownMs ?? null),
    });
  }
  return [...changes.values()];
}

/** How the destination knows the message now (store/sentMessages.ts). */
function referenceOf({ result }: Outcome): string | null {
  return result.ok && result.reference ? JSON.stringify(result.reference) : null;
}

function errorOf({ result }: Outcome): string | null {
  return storable(result.ok ? null : result.error);
}

/** A lease to be given up, and when the delivery is due. */
export interface Release {
  id: string;
  /** Milliseconds from now; 0 for at once. */
  afterMs: number;
  /** It has a turn under the rate limit then. */
  hasTurn: boolean;
}

/** Gives up leases before their time. */
export async function releaseLeases(db: Db, releases: Release[], owner: string): Promise<void> {
  await sql`
    update deliveries d
    set lease_owner = null, lease_until = null, next_attempt_at = w.due_at, turn_at = case when w.has_turn then w.due_at end
    from (select id, has_turn, clock_timestamp() + after_ms * interval '1 millisecond' as due_at
          from unnest(${releases.map((r) => r.id)}::text[], ${releases.map((r) => r.afterMs)}::float8[],
                      ${releases.map((r) => r.hasTurn)}::boolean[]) as w (id, after_ms, has_turn)) w
    where d.id = w.id and d.lease_owner = ${owner} and d.status in ('pending', 'retrying')`.execute(db);
}

/** Ends a lease before its time; whoever looks for abandoned deliveries takes it up. */
export async function expireLease(db: Db, id: string, owner: string): Promise<void> {
  await sql`
    update deliveries set lease_until = clock_timestamp()
    where id = ${id} and lease_owner = ${owner} and status = 'pending'`.execute(db);
}

/** Postgres text holds no NUL. */
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\u0000', '\uFFFD');
}
