import { sql } from 'kysely';
import type { ReplayKind, ReplayStatus } from '../../model/replay.ts';
import type { Db } from '../database.ts';
import { newId } from '../ids.ts';
import { createdAtOf, isAfter, type Page, pageOf, type PageRequest } from '../paging.ts';
import type { ReplayScope } from './search.ts';

/** Many messages that are sent again, or late, at somebody's request. */
export interface Replay extends ReplayScope {
  id: string;
  status: ReplayStatus;
  /** True when everything it is about is found. */
  searched: boolean;
  found: number;
  /** Handed over to be sent; those that have ended included. */
  started: number;
  /** Found, but not needed any more when their turn came. */
  skipped: number;
  delivered: number;
  failed: number;
  cancelled: number;
  /** Why it failed. */
  error: string | null;
  createdAt: Date;
  completedAt: Date | null;
}

export interface ReplayFilter {
  status?: ReplayStatus;
  kind?: ReplayKind;
  integrationId?: string;
  notificationId?: string;
}

const columns = [
  ['status', 'r.status'],
  ['kind', 'r.kind'],
  ['integrationId', 'r.integration_id'],
  ['notificationId', 'r.notification_id'],
] as const;

export async function createReplay(db: Db, scope: ReplayScope): Promise<Replay> {
  const id = newId('rpl');
  await db
    .insertInto('replays')
    .values({
      id,
      organisation_id: scope.organisationId,
      kind: scope.kind,
      integration_id: scope.integrationId,
      notification_id: scope.notificationId,
      session_id: scope.sessionId,
      since: scope.since,
      until: scope.until,
    })
    .execute();
  return (await readReplay(db, scope.organisationId, id))!;
}

export async function readReplay(db: Db, organisationId: string, id: string): Promise<Replay | undefined> {
  const row = await selectReplays(db, organisationId).where('r.id', '=', id).executeTakeFirst();
  return row && replayOf(row);
}

export async function listReplays(db: Db, organisationId: string, filter: ReplayFilter, page: PageRequest): Promise<Page<Replay>> {
  let query = selectReplays(db, organisationId).select(createdAtOf('r.created_at').as('position'));
  for (const [name, column] of columns) {
    const wanted = filter[name];
    if (wanted !== undefined) query = query.where(sql.ref(column), '=', wanted);
  }
  if (page.after) query = query.where(isAfter(page.after, 'r.created_at', 'r.id'));
  const rows = await query
    .orderBy('r.created_at', 'desc')
    .orderBy('r.id', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageOf(rows, page.limit, replayOf, (row) => ({ createdAt: row.position, id: row.id }));
}

/** Ends a running replay: nothing further is started; what is started goes on like any delivery. */
export async function cancelReplay(db: Db, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('replays')
    .set({ status: 'cancelled', completed_at: sql<string>`clock_timestamp()` })
    .where('id', '=', id)
    .where('status', '=', 'running')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Running replays that nobody has worked on for `graceMs` longer than they wanted to wait. */
export async function findOverdueReplays(db: Db, graceMs: number, limit: number): Promise<{ id: string; organisationId: string; kind: ReplayKind; integrationId: string }[]> {
  return db
    .selectFrom('replays')
    .select(['id', 'organisation_id as organisationId', 'kind', 'integration_id as integrationId'])
    .where('status', '=', 'running')
    .where(sql<boolean>`due_at < clock_timestamp() - ${graceMs} * interval '1 millisecond'`)
    .orderBy('due_at')
    .limit(limit)
    .execute();
}

/** The stored counts are brought up to date while a replay runs; what ended since then is added here. */
function selectReplays(db: Db, organisationId: string) {
  return db
    .selectFrom('replays as r')
    .leftJoinLateral(
      (is) =>
        is
          .selectFrom('replay_items as i')
          .innerJoin('deliveries as d', 'd.id', 'i.delivery_id')
          .select(sql<number>`count(*) filter (where d.status = 'delivered')`.as('delivered'))
          .select(sql<number>`count(*) filter (where d.status = 'failed')`.as('failed'))
          .select(sql<number>`count(*) filter (where d.status = 'cancelled')`.as('cancelled'))
          .whereRef('i.replay_id', '=', 'r.id')
          .where('i.state', '=', 'started')
          .as('ended'),
      (join) => join.onTrue(),
    )
    .selectAll('r')
    .select(['ended.delivered as alsoDelivered', 'ended.failed as alsoFailed', 'ended.cancelled as alsoCancelled'])
    .where('r.organisation_id', '=', organisationId);
}

type Row = Awaited<ReturnType<ReturnType<typeof selectReplays>['executeTakeFirstOrThrow']>>;

function replayOf(row: Row): Replay {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    kind: row.kind,
    status: row.status,
    integrationId: row.integration_id,
    notificationId: row.notification_id,
    sessionId: row.session_id,
    since: row.since,
    until: row.until,
    searched: row.searched,
    found: row.found,
    started: row.started,
    skipped: row.skipped,
    delivered: row.delivered + (row.alsoDelivered ?? 0),
    failed: row.failed + (row.alsoFailed ?? 0),
    cancelled: row.cancelled + (row.alsoCancelled ?? 0),
    error: row.error,
    createdAt: row.created_at,
    completedAt: row.completed_at,
  };
}
