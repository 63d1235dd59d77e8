import { sql } from 'kysely';
import type { JsonObject } from '../../model/types.ts';
import type { Db } from '../database.ts';
import { createdAtOf } from '../paging.ts';
import type { ReplayScope, SearchPage } from './search.ts';

const A_PAGE = 500;

/** Dead letters of an integration by the time of their last attempt, the oldest first. Test messages stay what they were. */
export async function searchFailed(db: Db, scope: ReplayScope, position: JsonObject | null): Promise<SearchPage> {
  const after = (position ?? { at: '-infinity', id: '' }) as { at: string; id: string };
  const rows = await db
    .selectFrom('deliveries')
    .select(['id', createdAtOf('completed_at').as('at')])
    .where('organisation_id', '=', scope.organisationId)
    .where('integration_id', '=', scope.integrationId)
    .where('status', '=', 'failed')
    .where('test_event', 'is', null)
    .where(sql<boolean>`completed_at >= ${scope.since ?? '-infinity'}::timestamptz and completed_at < ${scope.until}`)
    .where(sql<boolean>`(completed_at, id) > (${after.at}::timestamptz, ${after.id})`)
    .$if(scope.notificationId !== null, (query) => query.where('notification_id', '=', scope.notificationId))
    .orderBy('completed_at')
    .orderBy('id')
    .limit(A_PAGE)
    .execute();
  const last = rows.at(-1);
  return {
    found: rows.map(({ id }) => ({ deliveryId: id, newDelivery: null })),
    position: last ? { at: last.at, id: last.id } : position,
    complete: rows.length < A_PAGE,
  };
}
