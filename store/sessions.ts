import { sql } from 'kysely';
import type { SessionTimeouts } from '../model/timeouts.ts';
import type { DeliveryStatus, JsonObject, SessionAgent, SessionStatus } from '../model/types.ts';
import type { Db } from './database.ts';
import { type Page, pageOf, type PageRequest } from './paging.ts';

/** A session as readers see it. */
export interface Session {
  key: number;
  id: string;
  status: SessionStatus;
  agents: SessionAgent[];
  tags: string[];
  metadata: Record<string, string>;
  endState: string | null;
  endStateReason: string | null;
  initTimestamp: Date;
  endTimestamp: Date | null;
  /** US dollars, as a decimal number. */
  tokenCost: string;
  /** Number of the last stored event. */
  lastSeq: number;
  /** Every event up to here is decided. */
  decidedSeq: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface SessionFilter {
  status?: SessionStatus;
  agentId?: string;
  /** Pairs that the session's metadata must all have. */
  metadata?: Record<string, string>;
  tag?: string;
  createdAfter?: Date;
  createdBefore?: Date;
}

/** Newest first. A position in this list is a session's `key`. */
export async function listSessions(
  db: Db,
  organisationId: string,
  filter: SessionFilter,
  page: PageRequest<number>,
): Promise<Page<Session, number>> {
  let query = selectSessions(db, organisationId);
  if (filter.status) query = query.where('s.status', '=', filter.status);
  if (filter.agentId !== undefined) query = query.where(contains('s.agents', [{ id: filter.agentId }]));
  if (filter.metadata) query = query.where(contains('s.metadata', filter.metadata));
  if (filter.tag !== undefined) query = query.where(contains('s.tags', [filter.tag]));
  if (filter.createdAfter) query = query.where('s.created_at', '>=', filter.createdAfter);
  if (filter.createdBefore) query = query.where('s.created_at', '<', filter.createdBefore);
  if (page.after !== undefined) query = query.where('s.key', '<', page.after);
  const rows = await query
    .orderBy('s.key', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageOf(
    rows,
    page.limit,
    (row): Session => row,
    (row) => row.key,
  );
}

export type SessionDetail = Session & {
  /** Everything else that was reported about it: `host_env`, `inputs` … */
  details: JsonObject;
  /** What was set; what is absent has its default. */
  timeouts: Partial<SessionTimeouts>;
  deliveryCounts: Record<DeliveryStatus, number>;
};

export async function readSession(db: Db, organisationId: string, id: string): Promise<SessionDetail | undefined> {
  const row = await selectSessions(db, organisationId).select(['s.details', 's.timeouts']).where('s.id', '=', id).executeTakeFirst();
  return row && { ...row, deliveryCounts: await countDeliveries(db, row.key) };
}

export async function findSessionKey(db: Db, organisationId: string, id: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('sessions')
    .select('key')
    .where('organisation_id', '=', organisationId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.key;
}

async function countDeliveries(db: Db, sessionKey: number): Promise<Record<DeliveryStatus, number>> {
  const rows = await db
    .selectFrom('deliveries')
    .select((is) => ['status', is.fn.countAll<number>().as('count')])
    .where('session_key', '=', sessionKey)
    .groupBy('status')
    .execute();
  const counts = { pending: 0, retrying: 0, delivered: 0, failed: 0, cancelled: 0 };
  for (const row of rows) counts[row.status] = row.count;
  return counts;
}

function selectSessions(db: Db, organisationId: string) {
  return db
    .selectFrom('sessions as s')
    .innerJoin('session_progress as p', 'p.session_key', 's.key')
    .select([
      's.key',
      's.id',
      's.status',
      's.agents',
      's.tags',
      's.metadata',
      's.end_state as endState',
      's.end_state_reason as endStateReason',
      's.init_timestamp as initTimestamp',
      // An event, a command or a timeout may have ended it.
      sql<Date | null>`coalesce((
        select occurred_at from events where session_key = s.key and seq = (p.snapshot->>'endedBySeq')::bigint
      ), s.end_timestamp)`.as('endTimestamp'),
      'p.token_cost as tokenCost',
      'p.last_seq as lastSeq',
      'p.decided_seq as decidedSeq',
      's.created_at as createdAt',
      's.updated_at as updatedAt',
    ])
    .where('s.organisation_id', '=', organisationId);
}

function contains(column: string, part: unknown) {
  return sql<boolean>`${sql.ref(column)} @> ${JSON.stringify(part)}::jsonb`;
}
