import { sql } from 'kysely';
import type { RateLimit } from '../model/deliverySettings.ts';
import type { Db } from './database.ts';

/** Turns wanted at one destination. */
export interface TurnRequest {
  integrationId: string;
  /** Empty where the limit counts all messages of the integration. */
  channel: string;
  count: number;
  limit: RateLimit;
  /** Milliseconds from now before which no turn may be. */
  notBeforeMs: number;
}

/** Takes down the id of a channel that is known by its name: from now on the limit counts by the id, whichever is chosen. */
export async function noteChannelId(db: Db, integrationId: string, name: string, id: string): Promise<void> {
  await sql`
    with named as (
      update rate_limits set same_as = ${id} where integration_id = ${integrationId} and channel = ${name} returning per_second, next_turn_at
    )
    insert into rate_limits as r (integration_id, channel, per_second, next_turn_at)
    select ${integrationId}, ${id}, per_second, next_turn_at from named
    on conflict (integration_id, channel) do update set next_turn_at = greatest(r.next_turn_at, excluded.next_turn_at)`.execute(db);
}

/**
 * Reserves turns under rate limits that all workers share, for several destinations in one statement (GCRA, by the clock
 * of Postgres). No two requests may be about the same integration and channel.
 *
 * @returns For each request the milliseconds from now until each of its turns; 0 for now.
 */
export async function reserveTurns(db: Db, requests: readonly TurnRequest[]): Promise<number[][]> {
  const { rows } = await sql<{ integrationId: string; channel: string; startMs: number }>`
    with wanted as (
      select w.*, w.count / w.per_second * interval '1 second' as length, w.not_before_ms * interval '1 millisecond' as pause
      from unnest(${requests.map((r) => r.integrationId)}::text[], ${requests.map((r) => r.channel)}::text[],
                  ${requests.map((r) => r.count)}::float8[], ${requests.map((r) => r.limit.per_second)}::float8[],
                  ${requests.map((r) => r.notBeforeMs)}::float8[])
           as w (integration_id, channel, count, per_second, not_before_ms)
    ), reserved as (
      insert into rate_limits as r (integration_id, channel, per_second, next_turn_at)
      select integration_id, channel, per_second, clock_timestamp() + pause + length
      -- one order for all, so that workers wait for each other and never deadlock
      from wanted order by integration_id, channel
      on conflict (integration_id, channel) do update
      set per_second = excluded.per_second,
          next_turn_at = (
            -- another limit than before: what was reckoned by that one does not count
            select greatest(case when r.per_second = w.per_second then r.next_turn_at end, clock_timestamp() + w.pause) + w.length
            from wanted w where w.integration_id = r.integration_id and w.channel = r.channel)
      returning integration_id, channel, next_turn_at
    )
    select w.integration_id as "integrationId", w.channel,
           (extract(epoch from r.next_turn_at - w.length - clock_timestamp()) * 1000)::float8 as "startMs"
    from wanted w join reserved r on r.integration_id = w.integration_id and r.channel = w.channel`.execute(db);
  const starts = new Map(rows.map((row) => [JSON.stringify([row.integrationId, row.channel]), row.startMs]));
  return requests.map(({ integrationId, channel, count, limit, notBeforeMs }) => {
    const startMs = starts.get(JSON.stringify([integrationId, channel])) ?? 0;
    const everyMs = 1000 / limit.per_second;
    const savedMs = (limit.burst - 1) * everyMs;
    return Array.from({ length: count }, (_, index) => Math.max(startMs + index * everyMs - savedMs, notBeforeMs, 0));
  });
}
