import { sql } from 'kysely';
import type { DeliverySettings } from '../model/deliverySettings.ts';
import type { JsonObject, SessionEffects } from '../model/types.ts';
import type { Db } from './database.ts';

/** What a message says of its event, from the store. */
export interface StoredEvent {
  seq: number;
  eventId: string;
  eventType: string;
  /** ISO 8601, UTC. */
  occurredAt: string;
  payload: JsonObject;
  /** The `agent_id` the event came with. */
  agentRef: string | null;
  /** The session's metadata as of this event. */
  metadata: Record<string, string>;
}

/** Events of one session by sequence number, each with the metadata that held when it happened. */
export async function loadStoredEvents(db: Db, sessionKey: number, seqs: number[]): Promise<Map<number, StoredEvent>> {
  const highest = Math.max(...seqs);
  const { rows } = await sql<{
    seq: number;
    event_id: string;
    type: string;
    occurred_at: Date;
    agent_ref: string | null;
    payload: JsonObject | null;
    effects: SessionEffects | null;
  }>`
    select e.* from unnest(${seqs}::bigint[]) as w (seq)
    cross join lateral (
      select seq, event_id, type, occurred_at, agent_ref, payload, effects from events
      where session_key = ${sessionKey} and seq = w.seq offset 0) as e
    union all
    select seq, event_id, type, occurred_at, null, null, effects from events
    where session_key = ${sessionKey} and effects is not null and seq <= ${highest} and seq <> all(${seqs}::bigint[])
    order by seq`.execute(db);
  const events = new Map<number, StoredEvent>();
  let metadata: Record<string, string> = {};
  for (const row of rows) {
    if (row.effects?.metadata) metadata = { ...metadata, ...row.effects.metadata };
    if (row.payload === null) continue;
    events.set(row.seq, {
      seq: row.seq,
      eventId: row.event_id,
      eventType: row.type,
      occurredAt: row.occurred_at.toISOString(),
      agentRef: row.agent_ref,
      payload: row.payload,
      metadata,
    });
  }
  return events;
}

/** A delivery as the one who sends it needs it. */
export interface DeliveryToSend {
  id: string;
  organisationId: string;
  sessionKey: number | null;
  sessionId: string | null;
  seq: number | null;
  eventId: string;
  eventType: string;
  agentId: string | null;
  integrationId: string;
  channel: string | null;
  /** Since its schedule began: since it was decided, or sent again after its end. */
  attemptCount: number;
  testEvent: JsonObject | null;
  createdAt: Date;
  /** The organisation's rules version now. */
  rulesVersion: number;
  /** Milliseconds until something may be sent to its integration again; 0 for now. */
  pausedMs: number;
  /** Milliseconds since its reserved turn came; negative when it is still to come, null when it has none. */
  turnLateMs: number | null;
}

/** What came of asking for the right to send a delivery. */
export type LeaseResult =
  | { outcome: 'leased'; delivery: DeliveryToSend }
  /** Somebody else holds the lease for this much longer. */
  | { outcome: 'busy'; forMs: number }
  | { outcome: 'closed'; status: string }
  | { outcome: 'unknown' };

/** True for a lease whose holder has fallen silent (store/workers.ts). */
export const holderIsDead = holderIsDeadFor(0);

function holderIsDeadFor(ms: number) {
  return sql<boolean>`exists (select 1 from workers w where w.owner = d.lease_owner and w.alive_until < clock_timestamp() - ${ms} * interval '1 millisecond')`;
}

/** Takes the lease of an open delivery, unless somebody else who lives holds it. */
export async function leaseDelivery(
  db: Db,
  deliveryId: string,
  lease: { owner: string; ms: number },
): Promise<LeaseResult> {
  const { rows } = await sql<DeliveryToSend>`
    update deliveries d
    set lease_owner = ${lease.owner}, lease_until = clock_timestamp() + ${lease.ms} * interval '1 millisecond',
        next_attempt_at = null, turn_at = null
    from deliveries before
    where before.id = d.id and d.id = ${deliveryId} and d.status in ('pending', 'retrying')
      and (d.lease_until is null or d.lease_until <= clock_timestamp() or ${holderIsDead})
    returning d.id, d.organisation_id as "organisationId", d.session_key as "sessionKey",
      (select s.id from sessions s where s.key = d.session_key) as "sessionId", d.seq, d.event_id as "eventId",
      d.event_type as "eventType", d.agent_id as "agentId", d.integration_id as "integrationId", d.channel,
      d.attempt_count - d.attempts_before as "attemptCount", d.test_event as "testEvent", d.created_at as "createdAt",
      (select o.rules_version from organisations o where o.id = d.organisation_id) as "rulesVersion",
      (extract(epoch from clock_timestamp() - before.turn_at) * 1000)::float8 as "turnLateMs",
      coalesce((select greatest(extract(epoch from h.paused_until - clock_timestamp()) * 1000, 0)
                from integration_health h where h.integration_id = d.integration_id), 0)::float8 as "pausedMs"`.execute(db);
  if (rows[0]) return { outcome: 'leased', delivery: rows[0] };
  const { rows: others } = await sql<{ status: string; forMs: number | null }>`
    select status, (extract(epoch from lease_until - clock_timestamp()) * 1000)::float8 as "forMs"
    from deliveries where id = ${deliveryId}`.execute(db);
  const other = others[0];
  if (!other) return { outcome: 'unknown' };
  if (other.status !== 'pending' && other.status !== 'retrying') return { outcome: 'closed', status: other.status };
  return { outcome: 'busy', forMs: Math.max(100, Math.ceil(other.forMs ?? 0)) };
}

/** An open delivery that nobody seems to work on. */
export interface OverdueDelivery {
  organisationId: string;
  deliveryId: string;
  integrationId: string;
  eventType: string;
  attemptsMade: number;
}

/**
 * Open deliveries whose lease or next attempt was overdue by `graceMs`, or whose sender was dead, `agoMs` before now. In
 * the order of their ids.
 */
export async function findOverdueDeliveries(
  db: Db,
  { graceMs, agoMs = 0 }: { graceMs: number; agoMs?: number },
  page: { afterId: string; limit: number },
): Promise<OverdueDelivery[]> {
  const { rows } = await sql<OverdueDelivery>`
    select organisation_id as "organisationId", id as "deliveryId", integration_id as "integrationId",
           event_type as "eventType", attempt_count - attempts_before as "attemptsMade"
    from deliveries d
    where status in ('pending', 'retrying')
      and (coalesce(next_attempt_at, lease_until) < now() - ${graceMs + agoMs} * interval '1 millisecond' or ${holderIsDeadFor(agoMs)})
      and id > ${page.afterId}
    order by id limit ${page.limit}`.execute(db);
  return rows;
}

/** Ends an open delivery without another attempt. Returns whether it was still open. */
export async function closeDelivery(db: Db, deliveryId: string, status: 'failed' | 'cancelled', reason: string): Promise<boolean> {
  const result = await db
    .updateTable('deliveries')
    .set({ status, last_error: reason, completed_at: new Date(), next_attempt_at: null, lease_owner: null, lease_until: null })
    .where('id', '=', deliveryId)
    .where('status', 'in', ['pending', 'retrying'])
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** What a notification's deliveries are made of. */
export interface NotificationTarget {
  agentId: string;
  integrationId: string;
  channel: string | null;
}

export async function loadNotificationTargets(db: Db, ids: string[]): Promise<Map<string, NotificationTarget>> {
  const rows = await db
    .selectFrom('notifications')
    .select(['id', 'agent_id as agentId', 'integration_id as integrationId', 'channel'])
    .where(sql<boolean>`id = any(${ids}::text[])`)
    .execute();
  return new Map(rows.map(({ id, ...target }) => [id, target]));
}

/** Where a message goes. */
export interface StoredDestination {
  type: string;
  name: string;
  config: JsonObject;
  /** Still sealed. */
  secrets: string;
  enabled: boolean;
  /** Delivery settings, as they were set. */
  delivery: DeliverySettings;
  /** Ids of its channels by their names, as far as they are known. */
  channelIds: Record<string, string>;
}

export async function loadDestination(db: Db, integrationId: string): Promise<StoredDestination | undefined> {
  return db
    .selectFrom('integrations')
    .select(['type', 'name', 'config', 'secrets', 'enabled', 'delivery'])
    .select(sql<Record<string, string>>`coalesce(
      (select json_object_agg(channel, same_as) from rate_limits r where r.integration_id = integrations.id and same_as is not null), '{}')`.as('channelIds'))
    .where('id', '=', integrationId)
    .executeTakeFirst();
}

export async function loadAgentName(db: Db, agentId: string): Promise<string | undefined> {
  const row = await db.selectFrom('agents').select('name').where('id', '=', agentId).executeTakeFirst();
  return row?.name;
}
