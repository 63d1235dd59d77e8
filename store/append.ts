import { sql } from 'kysely';
import { carryPayload } from '../model/cut.ts';
import { isStatusEvent } from '../model/session.ts';
import type { JsonObject, SessionAgent, SessionEffects, SessionEvent } from '../model/types.ts';
import type { Db } from './database.ts';
import { NEWS_CHANNEL } from './newsChannel.ts';

const NOTHING = sql``;
/** How often an append may meet others that store the same event at the same moment. */
const MAX_ATTEMPTS = 10;

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
  /** The session's key, where it is known: sessions keep theirs. */
  sessionKey?: number;
  events: NewEvent[];
  /** What the worker is told that listens for the session, if all of these events are new (store/newsChannel.ts). */
  notice?: string;
}

/** A session whose row in `session_progress` is locked by the transaction. */
export interface SessionLock {
  organisationId: string;
  id: string;
  key: number;
  lastSeq: number;
  /** Everything up to here is decided. */
  decidedSeq: number;
  /** A worker that has just decided events of the session waits for the next ones. */
  listening: boolean;
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
  /** The worker that listens for the session has been told of these events. */
  noticed: boolean;
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
           p.decided_seq as "decidedSeq", coalesce(p.listening_until > now(), false) as listening,
           s.agents, o.rules_version as "rulesVersion"
    from ${sessionsOf(wanted)} as s
    join session_progress p on p.session_key = s.key
    join organisations o on o.id = s.organisation_id
    order by p.session_key
    for update of p`.execute(trx);
  return new Map(rows.map((row) => [sessionName(row.organisationId, row.id), row]));
}

/**
 * The sessions of these names, each with its place in the list. Looked up one by one (`offset 0` keeps it so): in a join
 * Postgres may take another index, or none, and go through all sessions for each, as long as it takes them to be few.
 */
function sessionsOf(wanted: { organisationId: string; sessionId: string; sessionKey?: number | undefined }[]) {
  return sql`(
    select n.place, s.key, s.organisation_id, s.id, s.agents
    from (
      select place, organisation_id, id,
             coalesce(known_key, (select key from sessions where organisation_id = n.organisation_id and id = n.id)) as key
      from unnest(${wanted.map((w) => w.organisationId)}::uuid[], ${wanted.map((w) => w.sessionId)}::text[],
                  ${wanted.map((w) => w.sessionKey ?? null)}::bigint[])
             with ordinality as n (organisation_id, id, known_key, place) offset 0) as n
    cross join lateral (select key, organisation_id, id, agents from sessions where key = n.key offset 0) as s
    where s.organisation_id = n.organisation_id and s.id = n.id)`;
}

/**
 * Appends the events of several requests in one statement: locks their sessions in one sorted order, numbers the new
 * events densely per session (1, 2, 3 …) and stamps them with the rules version. Nothing is stored for a session that
 * does not exist.
 *
 * Within a transaction the sessions must have been locked before ({@link lockSessions}).
 */
export async function appendEvents(db: Db, requests: AppendRequest[]): Promise<AppendResult[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await appendOnce(db, requests);
    } catch (error) {
      // The statement does not see what another one stored while it waited for the lock; a second one does.
      if (!isStoredMeanwhile(error) || db.isTransaction || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

async function appendOnce(db: Db, requests: AppendRequest[]): Promise<AppendResult[]> {
  const bySession = Map.groupBy(requests, (request) => sessionName(request.organisationId, request.sessionId));
  const wanted = Array.from(bySession.values(), ([first, ...further]): Target => {
    const { organisationId, sessionId, sessionKey, events, notice } = first!;
    return { organisationId, sessionId, sessionKey, events: events.length, notice: further.length > 0 ? undefined : notice };
  });
  const places = new Map(Array.from(bySession.keys(), (name, place) => [name, place]));
  const incoming = requests.flatMap((request) => {
    const place = places.get(sessionName(request.organisationId, request.sessionId))!;
    return request.events.map((event) => ({ place, event, payload: JSON.stringify(event.payload) }));
  });
  const sessions = await store(db, wanted, incoming);
  const seqs = new Map(sessions.flatMap((session) => session.seqs));
  const byPlace = new Map(sessions.map(({ place, seqs: _seqs, storedAt: _storedAt, noticed: _noticed, ...session }) => [place, session]));
  const noticed = new Set(sessions.filter((session) => session.noticed).map(({ place }) => place));
  const storedAt = sessions[0]?.storedAt;
  let at = 0;
  return requests.map((request): AppendResult => {
    const place = places.get(sessionName(request.organisationId, request.sessionId))!;
    const session = byPlace.get(place);
    const events: SessionEvent[] = [];
    for (const event of request.events) {
      const { payload } = incoming[at]!;
      at += 1;
      const seq = seqs.get(at);
      if (!session || seq === undefined) continue;
      session.lastSeq = Math.max(session.lastSeq, seq);
      events.push(asSessionEvent(event, seq, { rulesVersion: session.rulesVersion, storedAt, payloadLength: payload.length }));
    }
    if (!session) return { outcome: 'no_session' };
    const duplicates = request.events.length - events.length;
    return { outcome: 'appended', session, events, duplicates, lastSeq: session.lastSeq, noticed: noticed.has(place) };
  });
}

function isStoredMeanwhile(error: unknown): boolean {
  return error instanceof Error && 'constraint' in error && error.constraint === 'events_session_key_event_id_key';
}

interface IncomingEvent {
  /** Position of its session in the list of sessions. */
  place: number;
  event: NewEvent;
  payload: string;
}

type StoredSession = SessionLock & {
  place: number;
  storedAt: Date;
  noticed: boolean;
  /** Position among the incoming events (from 1) and sequence number of each event that was new. */
  seqs: [number, number][];
};

/** A session to append to. */
interface Target {
  organisationId: string;
  sessionId: string;
  sessionKey: number | undefined;
  notice: string | undefined;
  /** How many events the notice is of. */
  events: number;
}

async function store(db: Db, sessions: Target[], incoming: IncomingEvent[]): Promise<StoredSession[]> {
  const notices = sessions.some(({ notice }) => notice !== undefined) ? noticing(sessions) : undefined;
  const { rows } = await sql<StoredSession>`
    with locked as materialized (
      select s.place, s.organisation_id, s.id, s.agents, o.rules_version, p.session_key, p.last_seq, p.decided_seq,
             coalesce(p.listening_until > now(), false) as listening
      from ${sessionsOf(sessions)} as s
      join session_progress p on p.session_key = s.key
      join organisations o on o.id = s.organisation_id
      order by p.session_key
      for update of p
    ), incoming as (
      select * from unnest(
        ${incoming.map((i) => i.place + 1)}::bigint[],
        ${incoming.map((i) => i.event.id)}::text[],
        ${incoming.map((i) => i.event.type)}::text[],
        ${incoming.map((i) => i.event.agentRef ?? null)}::text[],
        ${incoming.map((i) => i.payload)}::json[],
        ${incoming.map((i) => (i.event.effects ? JSON.stringify(i.event.effects) : null))}::json[],
        ${incoming.map((i) => i.event.silent ?? false)}::boolean[],
        ${incoming.map((i) => i.event.tokenCost ?? null)}::numeric[],
        ${incoming.map((i) => i.event.occurredAt)}::timestamptz[])
        with ordinality as w (place, event_id, type, agent_ref, payload, effects, silent, token_cost, occurred_at, ord)
    ), fresh as (
      select distinct on (l.session_key, i.event_id)
             l.session_key, i.ord, i.event_id, i.type, i.agent_ref, i.payload, i.effects, i.silent, i.token_cost, i.occurred_at
      from incoming i join locked l on l.place = i.place
      where not exists (select from events e where e.session_key = l.session_key and e.event_id = i.event_id)
      order by l.session_key, i.event_id, i.ord
    ), numbered as (
      select f.*, l.last_seq + row_number() over (partition by f.session_key order by f.ord) as seq, l.rules_version
      from fresh f join locked l on l.session_key = f.session_key
    ), stored as (
      insert into events
        (session_key, seq, event_id, type, agent_ref, payload, effects, silent, rules_version, token_cost, occurred_at)
      select session_key, seq, event_id, type, agent_ref, payload, effects, silent, rules_version, token_cost, occurred_at
      from numbered
    ), grown as (
      select session_key, min(seq) as first_seq, max(seq) as last_seq, coalesce(sum(token_cost), 0) as token_cost,
             json_agg(json_build_array(ord, seq)) as seqs
      from numbered group by session_key
    ), progressed as (
      update session_progress p
      set last_seq = g.last_seq, token_cost = p.token_cost + g.token_cost, appended_at = now()
      from grown g where p.session_key = g.session_key
    ) ${notices?.with ?? NOTHING}
    select l.place - 1 as place, l.organisation_id as "organisationId", l.id, l.session_key as key, l.last_seq as "lastSeq",
           l.decided_seq as "decidedSeq", l.listening, l.agents, l.rules_version as "rulesVersion",
           coalesce(g.seqs, '[]'::json) as seqs, now() as "storedAt", ${notices?.noticed ?? sql`false`} as noticed
    from locked l left join grown g on g.session_key = l.session_key ${notices?.join ?? NOTHING}`.execute(db);
  return rows;
}

/** The parts of the append that tell listening workers of the events: it is heard of once these are stored. */
function noticing(sessions: Target[]) {
  return {
    with: sql`, noticed as (
      select l.session_key,
             pg_notify(${NEWS_CHANNEL}, concat_ws(' ', l.session_key, g.first_seq, l.rules_version, n.notice))::text as sent
      from unnest(${sessions.map(({ notice }) => notice ?? null)}::text[], ${sessions.map(({ events }) => events)}::integer[])
           with ordinality as n (notice, events, place)
      join locked l on l.place = n.place and l.listening
      join grown g on g.session_key = l.session_key and g.last_seq - g.first_seq + 1 = n.events
      where n.notice is not null
    )`,
    noticed: sql`t.sent is not null`,
    join: sql`left join noticed t on t.session_key = l.session_key`,
  };
}

function asSessionEvent(event: NewEvent, seq: number, stored: { rulesVersion: number; storedAt: Date | undefined; payloadLength: number }): SessionEvent {
  return {
    seq,
    ...carried(event, stored.payloadLength),
    rulesVersion: stored.rulesVersion,
    ...(stored.storedAt && isStatusEvent(event.type) ? { receivedAt: stored.storedAt.toISOString() } : {}),
  };
}

/**
 * What a workflow is to see of an event, but for what is only known once it is stored.
 *
 * @param payloadLength Of the payload as JSON, when it is known.
 */
export function carried(event: NewEvent, payloadLength?: number): Omit<SessionEvent, 'seq' | 'rulesVersion' | 'receivedAt'> {
  const { payload, cut } = carryPayload(event.payload, payloadLength);
  return {
    id: event.id,
    type: event.type,
    payload,
    ...(event.agentRef === undefined ? {} : { agentRef: event.agentRef }),
    occurredAt: event.occurredAt,
    ...(event.effects ? { effects: event.effects } : {}),
    ...(event.silent ? { silent: true as const } : {}),
    ...(cut.length > 0 ? { cut } : {}),
  };
}

/** A session's name among those of all organisations. */
export function sessionName(organisationId: string, sessionId: string): string {
  return `${organisationId}/${sessionId}`;
}

