import { sql } from 'kysely';
import { carryPayload } from '../model/cut.ts';
import type { JsonObject, SessionAgent, SessionEffects, SessionEvent } from '../model/types.ts';
import type { Db } from './database.ts';

/** An event on its way into the store, already normalised. */
export interface NewEvent {
  /** Unique within its session; an id that is already stored is skipped. */
  id: string;
  type: string;
  payload: JsonObject;
  /** The `agent_id` the event came with. */
  agentRef?: string;
  /** ISO 8601, UTC. */
  occurredAt: string;
  effects?: SessionEffects;
  /** True for a record that reaches no rule. */
  silent?: boolean;
  /** US dollars. */
  tokenCost?: number;
}

export interface AppendRequest {
  organisationId: string;
  sessionId: string;
  events: NewEvent[];
}

/** A session whose row in `session_progress` is locked by the transaction. */
export interface SessionLock {
  organisationId: string;
  id: string;
  key: number;
  lastSeq: number;
  agents: SessionAgent[];
  rulesVersion: number;
}

export interface Appended {
  outcome: 'appended';
  session: SessionLock;
  /** The events that were new, numbered, as the session's workflow is to see them. */
  events: SessionEvent[];
  duplicates: number;
  /** The session's last sequence number after the append. */
  lastSeq: number;
}

export type AppendResult = Appended | { outcome: 'no_session' };

/**
 * Locks sessions in one sorted order, so that appends never deadlock, and reads each organisation's
 * rules version in the same transaction.
 */
export async function lockSessions(
  trx: Db,
  wanted: { organisationId: string; sessionId: string }[],
): Promise<Map<string, SessionLock>> {
  const { rows } = await sql<SessionLock>`
    select s.organisation_id as "organisationId", s.id, p.session_key as key, p.last_seq as "lastSeq",
           s.agents, o.rules_version as "rulesVersion"
    from unnest(${wanted.map((w) => w.organisationId)}::uuid[], ${wanted.map((w) => w.sessionId)}::text[])
           as w (organisation_id, id)
    join sessions s on s.organisation_id = w.organisation_id and s.id = w.id
    join organisations o on o.id = s.organisation_id
    join session_progress p on p.session_key = s.key
    order by p.session_key
    for update of p`.execute(trx);
  return new Map(rows.map((row) => [lockName(row.organisationId, row.id), row]));
}

/**
 * Appends the events of several requests in the caller's transaction: numbers the new ones densely
 * per session (1, 2, 3 …) and stamps them with the rules version. Nothing is stored for a session
 * that does not exist.
 */
export async function appendEvents(trx: Db, requests: AppendRequest[]): Promise<AppendResult[]> {
  const wanted = new Map(requests.map((r) => [lockName(r.organisationId, r.sessionId), r]));
  const locks = await lockSessions(trx, [...wanted.values()]);
  const lockOf = (request: AppendRequest) => locks.get(lockName(request.organisationId, request.sessionId));
  const stored = await storedEventIds(trx, requests, lockOf);
  const rows: EventRow[] = [];
  const touched = new Map<SessionLock, number>();
  const results = requests.map((request): AppendResult => {
    const session = lockOf(request);
    if (!session) return { outcome: 'no_session' };
    const events: SessionEvent[] = [];
    let tokenCost = 0;
    for (const event of request.events) {
      const name = `${session.key}/${event.id}`;
      if (stored.has(name)) continue;
      stored.add(name);
      session.lastSeq += 1;
      tokenCost += event.tokenCost ?? 0;
      const payload = JSON.stringify(event.payload);
      rows.push({ session, seq: session.lastSeq, event, payload });
      events.push(asSessionEvent(event, session, payload.length));
    }
    if (events.length > 0) touched.set(session, (touched.get(session) ?? 0) + tokenCost);
    return {
      outcome: 'appended',
      session,
      events,
      duplicates: request.events.length - events.length,
      lastSeq: session.lastSeq,
    };
  });
  if (rows.length > 0) await insertEvents(trx, rows, touched);
  return results;
}

interface EventRow {
  session: SessionLock;
  seq: number;
  event: NewEvent;
  payload: string;
}

async function storedEventIds(
  trx: Db,
  requests: AppendRequest[],
  lockOf: (request: AppendRequest) => SessionLock | undefined,
): Promise<Set<string>> {
  const keys: number[] = [];
  const ids: string[] = [];
  for (const request of requests) {
    const session = lockOf(request);
    if (!session) continue;
    for (const event of request.events) {
      keys.push(session.key);
      ids.push(event.id);
    }
  }
  if (ids.length === 0) return new Set();
  const { rows } = await sql<{ key: number; id: string }>`
    select e.session_key as key, e.event_id as id
    from unnest(${keys}::bigint[], ${ids}::text[]) as w (key, id)
    join events e on e.session_key = w.key and e.event_id = w.id`.execute(trx);
  return new Set(rows.map((row) => `${row.key}/${row.id}`));
}

async function insertEvents(trx: Db, rows: EventRow[], touched: Map<SessionLock, number>): Promise<void> {
  const sessions = [...touched.keys()];
  await sql`
    with stored as (
      insert into events
        (session_key, seq, event_id, type, agent_ref, payload, effects, silent, rules_version, token_cost, occurred_at)
      select * from unnest(
        ${rows.map((r) => r.session.key)}::bigint[],
        ${rows.map((r) => r.seq)}::bigint[],
        ${rows.map((r) => r.event.id)}::text[],
        ${rows.map((r) => r.event.type)}::text[],
        ${rows.map((r) => r.event.agentRef ?? null)}::text[],
        ${rows.map((r) => r.payload)}::json[],
        ${rows.map((r) => (r.event.effects ? JSON.stringify(r.event.effects) : null))}::json[],
        ${rows.map((r) => r.event.silent ?? false)}::boolean[],
        ${rows.map((r) => r.session.rulesVersion)}::bigint[],
        ${rows.map((r) => r.event.tokenCost ?? null)}::numeric[],
        ${rows.map((r) => r.event.occurredAt)}::timestamptz[])
    )
    update session_progress p
    set last_seq = w.last_seq, token_cost = p.token_cost + w.token_cost, appended_at = now()
    from unnest(
      ${sessions.map((s) => s.key)}::bigint[],
      ${sessions.map((s) => s.lastSeq)}::bigint[],
      ${sessions.map((s) => touched.get(s)!)}::numeric[]) as w (session_key, last_seq, token_cost)
    where p.session_key = w.session_key`.execute(trx);
}

function asSessionEvent(event: NewEvent, session: SessionLock, payloadLength: number): SessionEvent {
  const { payload, cut } = carryPayload(event.payload, payloadLength);
  return {
    seq: session.lastSeq,
    id: event.id,
    type: event.type,
    payload,
    ...(event.agentRef === undefined ? {} : { agentRef: event.agentRef }),
    rulesVersion: session.rulesVersion,
    occurredAt: event.occurredAt,
    ...(event.effects ? { effects: event.effects } : {}),
    ...(event.silent ? { silent: true as const } : {}),
    ...(cut.length > 0 ? { cut } : {}),
  };
}

function lockName(organisationId: string, sessionId: string): string {
  return `${organisationId}/${sessionId}`;
}
