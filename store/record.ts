import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { SessionState } from '../model/session.ts';
import type { AttemptResult, DeliveryStatus } from '../model/types.ts';
import type { Db } from './database.ts';

/** The decision on one event, as stored. */
export interface DecisionRecord {
  seq: number;
  /** `[[ruleSetId, code], …]`, the code as in model/decisions.ts. */
  outcomes: [string, string][];
}

/** A message that a decision asks for. */
export interface NewDelivery {
  id: string;
  seq: number;
  eventId: string;
  eventType: string;
  agentId: string;
  notificationId: string;
  integrationId: string;
  channel: string | null;
}

export interface DecisionBatch {
  organisationId: string;
  sessionKey: number;
  /** Everything up to here is decided with this batch. */
  toSeq: number;
  decisions: DecisionRecord[];
  deliveries: NewDelivery[];
  /** State of the session's workflow after the batch, when it changed. */
  snapshot?: SessionState;
  /** Who sends the new deliveries, and for how long nobody else may. */
  lease: { owner: string; ms: number };
}

export interface RecordedBatch {
  /** Before this batch was stored. Above the batch's first event when somebody else decided it earlier. */
  decidedBefore: number;
  decidedSeq: number;
  lastSeq: number;
  /** Deliveries that this call created and so leased. */
  created: Set<string>;
  /** Deliveries of this batch that an earlier call with the same owner had leased: its answer got lost. */
  leased: Set<string>;
  /** The organisation's rules version now: names and destinations read for this batch are at least as new. */
  rulesVersion: number;
}

/** A delivery's id follows from what it is for, so that deciding twice creates it once. */
export function deliveryId(sessionKey: number, eventId: string, notificationId: string): string {
  const digest = createHash('sha256').update(JSON.stringify([sessionKey, eventId, notificationId])).digest('hex');
  return `dlv_${digest.slice(0, 32)}`;
}

/**
 * Stores decisions, the deliveries they ask for and how far the session is decided, atomically and
 * in one statement. Events that are decided already are left as they are: the first writer wins.
 */
export async function recordDecisions(db: Db, batch: DecisionBatch): Promise<RecordedBatch | undefined> {
  const { decisions, deliveries, snapshot } = batch;
  const { rows } = await sql<{ decidedBefore: number; lastSeq: number; created: string[] | null; leased: string[] | null; rulesVersion: number }>`
    with locked as (
      select session_key, last_seq, decided_seq from session_progress where session_key = ${batch.sessionKey} for update
    ), decided as (
      insert into decisions (session_key, seq, outcomes)
      select locked.session_key, w.seq, w.outcomes
      from locked, unnest(${decisions.map((d) => d.seq)}::bigint[],
                          ${decisions.map((d) => JSON.stringify(d.outcomes))}::json[]) as w (seq, outcomes)
      where w.seq > locked.decided_seq
      on conflict do nothing
    ), created as (
      insert into deliveries (id, organisation_id, session_key, seq, event_id, event_type, agent_id, notification_id,
                              integration_id, channel, lease_owner, lease_until)
      select w.id, ${batch.organisationId}::uuid, locked.session_key, w.seq, w.event_id, w.event_type, w.agent_id,
             w.notification_id, w.integration_id, w.channel, ${batch.lease.owner},
             clock_timestamp() + ${batch.lease.ms} * interval '1 millisecond'
      from locked, unnest(${deliveries.map((d) => d.id)}::text[], ${deliveries.map((d) => d.seq)}::bigint[],
                          ${deliveries.map((d) => d.eventId)}::text[], ${deliveries.map((d) => d.eventType)}::text[],
                          ${deliveries.map((d) => d.agentId)}::text[], ${deliveries.map((d) => d.notificationId)}::text[],
                          ${deliveries.map((d) => d.integrationId)}::text[], ${deliveries.map((d) => d.channel)}::text[])
           as w (id, seq, event_id, event_type, agent_id, notification_id, integration_id, channel)
      where w.seq > locked.decided_seq
      on conflict (id) do nothing
      returning id
    ), progressed as (
      update session_progress p
      set decided_seq = ${batch.toSeq}, snapshot = coalesce(${snapshot ? JSON.stringify(snapshot) : null}::json, p.snapshot)
      from locked where p.session_key = locked.session_key and locked.decided_seq < ${batch.toSeq}
    ), shown as (
      update sessions s
      set status = ${snapshot?.status ?? null}, updated_at = now(),
          -- agents are only ever added, and a session that is created again may have added more by now
          agents = case when jsonb_array_length(w.agents) >= jsonb_array_length(s.agents) then w.agents else s.agents end
      from locked, (select ${snapshot ? JSON.stringify(snapshot.agents) : null}::jsonb as agents) as w
      where ${snapshot !== undefined} and s.key = locked.session_key and locked.decided_seq < ${batch.toSeq}
    )
    select locked.decided_seq as "decidedBefore", locked.last_seq as "lastSeq",
           (select array_agg(id) from created) as created,
           (select array_agg(d.id) from deliveries d
            where locked.decided_seq >= ${batch.toSeq} and d.id = any(${deliveries.map((d) => d.id)}::text[])
              and d.status = 'pending' and d.lease_owner = ${batch.lease.owner} and d.lease_until > clock_timestamp()) as leased,
           (select rules_version from organisations where id = ${batch.organisationId}::uuid) as "rulesVersion"
    from locked`.execute(db);
  const row = rows[0];
  if (!row) return undefined;
  return {
    decidedBefore: row.decidedBefore,
    decidedSeq: Math.max(row.decidedBefore, batch.toSeq),
    lastSeq: row.lastSeq,
    created: new Set(row.created ?? []),
    leased: new Set(row.leased ?? []),
    rulesVersion: row.rulesVersion,
  };
}

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
 * nothing else when it wakes up. Its attempt is kept all the same.
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
      where d.id = w.id
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
