import { sql } from 'kysely';
import { OPEN_AT_ONCE, type ReplayStatus, UNTRIED_AT_ONCE } from '../../model/replay.ts';
import type { JsonObject } from '../../model/types.ts';
import type { Db } from '../database.ts';
import { readIntegration } from '../integrations.ts';
import { readNotification } from '../notifications.ts';
import { type ReplayScope, searchPage } from './search.ts';
import { addItems, type StartedItem, startItems } from './start.ts';

/** What came of one step. */
export interface ReplayStep {
  status: ReplayStatus;
  /** Deliveries whose workflows are to be started. */
  started: StartedItem[];
  /** Milliseconds until a further step makes sense. */
  waitMs: number;
  /** Whether something has ended, was found or started. */
  moved: boolean;
}

/** What is stored in the last moment before `until` may be seen only after it. */
const LATE_MS = 1000;
/** While messages wait for their first attempt, or the search goes on. */
const BUSY_PAUSE_MS = 100;
/** While all that is left waits for its retry. */
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

interface LockedReplay extends ReplayScope {
  id: string;
  status: ReplayStatus;
  position: JsonObject | null;
  searched: boolean;
  found: number;
  started: number;
  skipped: number;
  isLate: boolean;
}

/**
 * Takes a replay one step further, in one transaction that nobody else can take at the same time: counts what has ended,
 * looks for a further page of what it is about, and makes as many deliveries due as there is room for.
 */
export async function advanceReplay(db: Db, replayId: string): Promise<ReplayStep | undefined> {
  return db.transaction().execute(async (trx) => {
    const replay = await lockReplay(trx, replayId);
    if (!replay) return undefined;
    const ended = await countEnded(trx, replayId);
    if (replay.status !== 'running') return { status: replay.status, started: [], waitMs: 0, moved: true };
    const obstacle = await obstacleTo(trx, replay);
    if (obstacle !== undefined) {
      await trx.updateTable('replays').set({ status: 'failed', error: obstacle, completed_at: sql<string>`clock_timestamp()` }).where('id', '=', replayId).execute();
      return { status: 'failed', started: [], waitMs: 0, moved: true };
    }
    const { hasSearched, added } = replay.searched ? { hasSearched: true, added: 0 } : await search(trx, replay);
    const load = await loadOf(trx, replay);
    const room = Math.max(0, Math.min(UNTRIED_AT_ONCE - load.untried, OPEN_AT_ONCE - load.open));
    const { started, skipped } = room > 0 ? await startItems(trx, replay, room) : { started: [], skipped: 0 };
    const waiting = replay.found + added - replay.started - replay.skipped - started.length - skipped;
    const isDone = hasSearched && waiting === 0 && load.open === 0 && started.length === 0;
    const isBusy = !hasSearched || load.untried > 0 || started.length > 0 || (waiting > 0 && skipped > 0);
    const waitMs = isBusy ? BUSY_PAUSE_MS : Math.round(Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, load.nextMs ?? 0)));
    await sql`
      update replays
      set searched = ${hasSearched}, started = started + ${started.length}, skipped = skipped + ${skipped},
          due_at = clock_timestamp() + ${waitMs} * interval '1 millisecond',
          status = ${isDone ? 'completed' : 'running'}, completed_at = case when ${isDone} then clock_timestamp() end
      where id = ${replayId}`.execute(trx);
    return { status: isDone ? 'completed' : 'running', started, waitMs, moved: ended + started.length + skipped > 0 || !hasSearched };
  });
}

async function lockReplay(trx: Db, id: string): Promise<LockedReplay | undefined> {
  return trx
    .selectFrom('replays')
    .select(['id', 'organisation_id as organisationId', 'kind', 'status', 'integration_id as integrationId', 'notification_id as notificationId'])
    .select(['session_id as sessionId', 'since', 'until', 'position', 'searched', 'found', 'started', 'skipped'])
    .select(sql<boolean>`until < clock_timestamp() - ${LATE_MS} * interval '1 millisecond'`.as('isLate'))
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
}

/** Takes down what has become of the deliveries under way. */
async function countEnded(trx: Db, replayId: string): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    with ended as (
      update replay_items i set state = d.status from deliveries d
      where i.replay_id = ${replayId} and i.state = 'started' and d.id = i.delivery_id and d.status in ('delivered', 'failed', 'cancelled')
      returning i.state
    ), counted as (
      select count(*) filter (where state = 'delivered') as delivered, count(*) filter (where state = 'failed') as failed,
             count(*) filter (where state = 'cancelled') as cancelled
      from ended
    )
    update replays r
    set delivered = r.delivered + c.delivered, failed = r.failed + c.failed, cancelled = r.cancelled + c.cancelled
    from counted c where r.id = ${replayId} and c.delivered + c.failed + c.cancelled > 0`.execute(trx);
  return Number(numAffectedRows);
}

/** Why a replay cannot go on, for people. */
export async function obstacleTo(db: Db, { organisationId, integrationId, notificationId, kind }: ReplayScope): Promise<string | undefined> {
  const integration = await readIntegration(db, organisationId, integrationId);
  if (!integration) return 'The integration was deleted.';
  if (!integration.enabled) {
    return `The integration '${integration.name}' is disabled${integration.disabledReason ? ` (${integration.disabledReason})` : ''}. Enable it, then start a replay.`;
  }
  if (kind !== 'events') return undefined;
  const notification = await readNotification(db, organisationId, notificationId ?? '');
  if (!notification) return 'The notification was deleted.';
  if (notification.integrationId !== integrationId) return 'The notification now uses another integration. Start a new replay.';
  return notification.enabled ? undefined : 'The notification is disabled. Enable it, then start a replay.';
}

/** Looks for a further page. */
async function search(trx: Db, replay: LockedReplay): Promise<{ hasSearched: boolean; added: number }> {
  const page = await searchPage(trx, replay, replay.position);
  const added = await addItems(trx, replay.id, page.found, replay.found);
  await trx
    .updateTable('replays')
    .set({ position: page.position === null ? null : JSON.stringify(page.position), found: sql<number>`found + ${added}` })
    .where('id', '=', replay.id)
    .execute();
  return { hasSearched: page.complete && replay.isLate, added };
}

interface Load {
  /** Deliveries to the integration, of all its replays, that were not tried yet. */
  untried: number;
  /** Deliveries of this replay that have not ended. */
  open: number;
  /** Until the next attempt at one of the open ones. */
  nextMs: number | null;
}

async function loadOf(trx: Db, replay: LockedReplay): Promise<Load> {
  const { rows } = await sql<Load>`
    select
      (select count(*) from replays r join replay_items i on i.replay_id = r.id and i.state = 'started'
         join deliveries d on d.id = i.delivery_id and d.status = 'pending'
       where r.integration_id = ${replay.integrationId} and (r.status = 'running' or r.id = ${replay.id})) as untried,
      (select count(*) from replay_items where replay_id = ${replay.id} and state = 'started') as open,
      (select extract(epoch from min(coalesce(d.next_attempt_at, d.lease_until)) - clock_timestamp())::float8 * 1000
       from replay_items i join deliveries d on d.id = i.delivery_id
       where i.replay_id = ${replay.id} and i.state = 'started') as "nextMs"`.execute(trx);
  return rows[0]!;
}
