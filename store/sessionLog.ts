import { sql } from 'kysely';
import { decodeOutcome, type Outcome } from '../model/decisions.ts';
import type { JsonObject } from '../model/types.ts';
import type { Db } from './database.ts';
import { type Page, pageOf, type PageRequest } from './paging.ts';
import { deliveryId } from './record.ts';
import { loadRuleSetIds } from './rules.ts';

/** An event of a session as readers see it. */
export interface LoggedEvent {
  id: string;
  seq: number;
  type: string;
  /** The `agent_id` it came with. */
  agentRef: string | null;
  /** With what update_events added later. */
  payload: JsonObject;
  silent: boolean;
  tokenCost: string | null;
  occurredAt: Date;
  receivedAt: Date;
}

/** Newest first. A position in this list is an event's `seq`. */
export async function listEvents(
  db: Db,
  sessionKey: number,
  filter: { type?: string; id?: string },
  page: PageRequest<number>,
): Promise<Page<LoggedEvent, number>> {
  const rows = await db
    .selectFrom('events')
    .select(['event_id as id', 'seq', 'type', 'agent_ref as agentRef', 'payload', 'patch', 'silent', 'token_cost as tokenCost'])
    .select(['occurred_at as occurredAt', 'received_at as receivedAt'])
    .where('session_key', '=', sessionKey)
    .$if(filter.type !== undefined, (query) => query.where('type', '=', filter.type!))
    .$if(filter.id !== undefined, (query) => query.where('event_id', '=', filter.id!))
    .$if(page.after !== undefined, (query) => query.where('seq', '<', page.after!))
    .orderBy('seq', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageOf(
    rows,
    page.limit,
    ({ patch, ...event }): LoggedEvent => ({ ...event, payload: { ...event.payload, ...patch } }),
    (row) => row.seq,
  );
}

/**
 * The events after one, oldest first.
 *
 * @param page At most so many, and about so many bytes as they are stored; at least one if there is one.
 */
export async function listEventsAfter(db: Db, sessionKey: number, afterSeq: number, page: { events: number; bytes: number }): Promise<LoggedEvent[]> {
  const { rows } = await sql<LoggedEvent & { patch: JsonObject | null }>`
    select event_id as id, seq, type, agent_ref as "agentRef", payload, patch, silent, token_cost as "tokenCost",
           occurred_at as "occurredAt", received_at as "receivedAt"
    from (
      select e.*, sum(pg_column_size(payload) + coalesce(pg_column_size(patch), 0)) over (order by seq rows unbounded preceding) as bytes,
             row_number() over (order by seq) as position
      from (select * from events where session_key = ${sessionKey} and seq > ${afterSeq} order by seq limit ${page.events}) e
    ) numbered
    where bytes <= ${page.bytes} or position = 1
    order by seq`.execute(db);
  return rows.map(({ patch, ...event }) => ({ ...event, payload: { ...event.payload, ...patch } }));
}

export async function findEventSeq(db: Db, sessionKey: number, eventId: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('events')
    .select('seq')
    .where('session_key', '=', sessionKey)
    .where('event_id', '=', eventId)
    .executeTakeFirst();
  return row?.seq;
}

/** What became of one notification for one event. */
export interface Decision {
  seq: number;
  eventId: string;
  eventType: string;
  agentId: string;
  notificationId: string;
  outcome: Outcome;
  /** What sends it; null when it was not to be sent. */
  deliveryId: string | null;
  decidedAt: Date;
}

export interface DecisionFilter {
  eventId?: string;
  notificationId?: string;
  decision?: 'sent' | 'skipped';
}

/** Newest event first. `limit` counts events, and a position in this list is an event's `seq`. */
export async function listDecisions(
  db: Db,
  sessionKey: number,
  filter: DecisionFilter,
  page: PageRequest<number>,
): Promise<Page<Decision[], number>> {
  let query = db
    .selectFrom('decisions as d')
    .innerJoin('events as e', (join) => join.onRef('e.session_key', '=', 'd.session_key').onRef('e.seq', '=', 'd.seq'))
    .select(['d.seq', 'd.outcomes', 'd.decided_at as decidedAt', 'e.event_id as eventId', 'e.type as eventType'])
    .where('d.session_key', '=', sessionKey);
  if (filter.eventId !== undefined) query = query.where('e.event_id', '=', filter.eventId);
  if (filter.decision) query = query.where(hasOutcome(filter.decision));
  if (filter.notificationId !== undefined) query = query.where(concerns(filter.notificationId));
  if (page.after !== undefined) query = query.where('d.seq', '<', page.after);
  const rows = await query
    .orderBy('d.seq', 'desc')
    .limit(page.limit + 1)
    .execute();
  const ruleSets = await loadRuleSetIds(db, [...new Set(rows.flatMap((row) => row.outcomes.map(([id]) => id)))]);
  const decode = ({ outcomes, ...event }: (typeof rows)[number]): Decision[] =>
    outcomes.flatMap(([ruleSetId, code]) => {
      const { agentId, notificationIds } = ruleSets.get(ruleSetId) ?? { agentId: '', notificationIds: [] };
      return decodeOutcome(code)
        .map((outcome, index) => ({ ...event, agentId, notificationId: notificationIds[index] ?? '', outcome }))
        .filter((decision) => isWanted(decision, filter))
        .map((decision) => ({ ...decision, deliveryId: decision.outcome === 'sent' ? deliveryId(sessionKey, event.eventId, decision.notificationId) : null }));
    });
  return pageOf(rows, page.limit, decode, (row) => row.seq);
}

function isWanted(decision: Pick<Decision, 'notificationId' | 'outcome'>, filter: DecisionFilter): boolean {
  if (filter.notificationId !== undefined && decision.notificationId !== filter.notificationId) return false;
  return filter.decision === undefined || (filter.decision === 'sent') === (decision.outcome === 'sent');
}

/** Outcome codes are digits and letters, and `s` stands for sent (model/decisions.ts). */
function hasOutcome(decision: 'sent' | 'skipped') {
  return sql<boolean>`d.outcomes::text ~ ${decision === 'sent' ? 's' : '[a-rt-z]'}`;
}

function concerns(notificationId: string) {
  return sql<boolean>`exists (
    select from json_array_elements(d.outcomes) as o
    join rule_sets r on r.id = (o ->> 0)::bigint
    where ${notificationId} = any (r.notification_ids))`;
}
