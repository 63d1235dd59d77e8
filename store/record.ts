import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { SessionState } from '../model/session.ts';
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
  /** For how long, in milliseconds, a worker waits for the session's next events after this batch. */
  listenMs: number;
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
      set decided_seq = ${batch.toSeq}, listening_until = now() + ${batch.listenMs} * interval '1 millisecond',
          snapshot = coalesce(${snapshot ? JSON.stringify(snapshot) : null}::json, p.snapshot)
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
