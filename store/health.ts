import { sql } from 'kysely';
import { firstPauseMs, longestPauseMs } from '../model/retry.ts';
import type { Db } from './database.ts';

/** What one attempt says of its integration's health. */
export interface HealthNote {
  integrationId: string;
  /** A success that is to be noted with its time. Not every one is: a healthy destination must cost nothing. */
  noteSuccess: boolean;
  /** Milliseconds for which the destination wants nothing more: 0 when it did not say how long, null when it did not ask. */
  slowDownMs: number | null;
}

/** What several attempts say together. */
export interface HealthChange extends HealthNote {
  /** The last one failed. */
  failing: boolean;
  /** One of them succeeded. */
  succeeded: boolean;
  error: string | null;
}

/** How a failing integration stands. */
export interface Failing {
  /** Milliseconds since its first failure after its last success. */
  forMs: number;
  /** The organisation was told. */
  warned: boolean;
  /** Milliseconds until something may be sent to it again; 0 for now. */
  pausedMs: number;
}

/** Nothing was tried for this long: a failure that follows begins anew, and says nothing of the time between. */
const QUIET = sql`interval '5 days'`;
const FIRST_PAUSE_MS = sql.lit(firstPauseMs);
const LONGEST_PAUSE_MS = sql.lit(longestPauseMs);

/** Takes attempts into account, and answers how the integrations stand that are failing now, by their ids. */
export async function updateHealth(db: Db, changes: HealthChange[]): Promise<Map<string, Failing>> {
  if (changes.length === 0) return new Map();
  const begins = sql`(h.failing_since is null or excluded.last_success_at is not null or h.last_failure_at < clock_timestamp() - ${QUIET})`;
  // Requests that were under way together ask together: that is one pause.
  const grown = sql`
    case when h.paused_until > clock_timestamp() then greatest(h.pause_ms, ${FIRST_PAUSE_MS})
         when h.paused_until > clock_timestamp() - ${LONGEST_PAUSE_MS} * interval '1 millisecond'
         then least(greatest(h.pause_ms, ${FIRST_PAUSE_MS}) * 2, ${LONGEST_PAUSE_MS}) else ${FIRST_PAUSE_MS} end`;
  const ends = sql`case when h.paused_until > clock_timestamp() then h.paused_until else clock_timestamp() + (${grown}) * interval '1 millisecond' end`;
  const { rows } = await sql<Failing & { integrationId: string; failing: boolean }>`
    insert into integration_health as h
      (integration_id, failing_since, last_failure_at, last_error, last_success_at, paused_until, pause_ms)
    select t.id, case when t.failing then clock_timestamp() end, case when t.failing then clock_timestamp() end, t.error,
           case when t.succeeded then clock_timestamp() end,
           case when t.slow_ms is not null then clock_timestamp() + greatest(t.slow_ms, ${FIRST_PAUSE_MS}) * interval '1 millisecond' end,
           t.slow_ms
    from unnest(${changes.map((c) => c.integrationId)}::text[], ${changes.map((c) => c.failing)}::boolean[],
                ${changes.map((c) => c.succeeded)}::boolean[],
                ${changes.map((c) => c.error)}::text[], ${changes.map((c) => c.slowDownMs)}::integer[])
         as t (id, failing, succeeded, error, slow_ms)
    -- one order for all, so that workers wait for each other and never deadlock
    order by t.id
    on conflict (integration_id) do update
    set failing_since = case when excluded.failing_since is null then null when ${begins} then excluded.failing_since else h.failing_since end,
        warned_at = case when excluded.failing_since is null or ${begins} then null else h.warned_at end,
        last_failure_at = coalesce(excluded.last_failure_at, h.last_failure_at),
        last_error = coalesce(excluded.last_error, h.last_error),
        last_success_at = coalesce(excluded.last_success_at, h.last_success_at),
        paused_until = case when excluded.pause_ms = 0 then ${ends} else greatest(h.paused_until, excluded.paused_until) end,
        pause_ms = case when excluded.pause_ms = 0 then ${grown} else coalesce(excluded.pause_ms, h.pause_ms) end
    returning integration_id as "integrationId", failing_since is not null as failing, warned_at is not null as warned,
      coalesce(extract(epoch from clock_timestamp() - failing_since) * 1000, 0)::float8 as "forMs",
      coalesce(greatest(extract(epoch from paused_until - clock_timestamp()) * 1000, 0), 0)::float8 as "pausedMs"`.execute(db);
  return new Map(rows.filter(({ failing }) => failing).map(({ integrationId, forMs, warned, pausedMs }) => [integrationId, { forMs, warned, pausedMs }]));
}

/** Integrations to which nothing may be sent for a while, each with the milliseconds until then. */
export async function loadPauses(db: Db): Promise<{ integrationId: string; forMs: number }[]> {
  const { rows } = await sql<{ integrationId: string; forMs: number }>`
    select integration_id as "integrationId", (extract(epoch from paused_until - clock_timestamp()) * 1000)::float8 as "forMs"
    from integration_health where paused_until > clock_timestamp()`.execute(db);
  return rows;
}

/** Begins anew with an integration that somebody has enabled by hand: it is not failing, and nothing waits for it. */
export async function settleHealth(trx: Db, integrationId: string): Promise<void> {
  await trx
    .updateTable('integration_health')
    .set({ failing_since: null, warned_at: null, paused_until: null, pause_ms: null })
    .where('integration_id', '=', integrationId)
    .execute();
}

/** Forgets what an integration leaves behind. */
export async function forgetHealth(trx: Db, integrationId: string): Promise<void> {
  await trx.deleteFrom('integration_health').where('integration_id', '=', integrationId).execute();
  await trx.deleteFrom('rate_limits').where('integration_id', '=', integrationId).execute();
}
