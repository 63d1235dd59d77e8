import type { z } from '@hono/zod-openapi';
import type { JsonObject } from '../../model/types.ts';
import type { Db } from '../../store/database.ts';
import { readIntegration } from '../../store/integrations.ts';
import { readNotification } from '../../store/notifications.ts';
import { obstacleTo } from '../../store/replays/advance.ts';
import { readNow, type ReplayScope, searchPage } from '../../store/replays/search.ts';
import { findSessionKey } from '../../store/sessions.ts';
import { badRequest, conflict, notFound } from '../problems.ts';
import type { newReplaySchema } from './replaySchemas.ts';

type WantedReplay = z.output<typeof newReplaySchema>;

const COUNT_MS = 5000;

/**
 * What a replay is about, in words of the store.
 *
 * @throws Problem when something is not there, or stands in the way.
 */
export async function scopeOf(db: Db, organisationId: string, wanted: WantedReplay): Promise<ReplayScope> {
  const now = await readNow(db);
  const until = wanted.until && wanted.until < now ? wanted.until : now;
  const since = wanted.since ?? null;
  if (since && since >= until) throw badRequest('since', `since: must be before ${wanted.until ? 'until' : 'now'}`);
  const scope: ReplayScope = {
    organisationId,
    kind: wanted.kind,
    integrationId: await integrationOf(db, organisationId, wanted),
    notificationId: wanted.notification_id ?? null,
    sessionId: wanted.kind === 'events' ? (wanted.session_id ?? null) : null,
    since,
    until,
  };
  if (scope.sessionId !== null && (await findSessionKey(db, organisationId, scope.sessionId)) === undefined) throw notFound(`session '${scope.sessionId}'`);
  const obstacle = await obstacleTo(db, scope);
  if (obstacle !== undefined) throw conflict(obstacle);
  return scope;
}

async function integrationOf(db: Db, organisationId: string, wanted: WantedReplay): Promise<string> {
  const integrationId = wanted.kind === 'events' ? undefined : wanted.integration_id;
  if (integrationId !== undefined && !(await readIntegration(db, organisationId, integrationId))) throw notFound(`integration '${integrationId}'`);
  if (wanted.notification_id === undefined) return integrationId!;
  const notification = await readNotification(db, organisationId, wanted.notification_id);
  if (!notification) throw notFound(`notification '${wanted.notification_id}'`);
  if (integrationId === undefined || integrationId === notification.integrationId) return notification.integrationId;
  throw badRequest('notification_id', `notification_id: the notification '${notification.id}' uses another integration, '${notification.integrationId}'`);
}

/** Counts what a replay would send, for a few seconds at most. */
export async function countFound(db: Db, scope: ReplayScope): Promise<{ found: number; complete: boolean }> {
  const endAt = performance.now() + COUNT_MS;
  const ids = new Set<string>();
  let position: JsonObject | null = null;
  for (;;) {
    const page = await searchPage(db, scope, position);
    for (const { deliveryId } of page.found) ids.add(deliveryId);
    position = page.position;
    if (page.complete || performance.now() > endAt) return { found: ids.size, complete: page.complete };
  }
}
