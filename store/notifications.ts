import type { Selectable } from 'kysely';
import type { Subscription } from '../model/types.ts';
import { readAgent } from './agents.ts';
import type { Db } from './database.ts';
import { newId } from './ids.ts';
import { type Integration, readIntegration } from './integrations.ts';
import { createdAtOf, isAfter, type Page, pageOf, type PageRequest } from './paging.ts';
import type { NotificationTable } from './tables.ts';
import { changeRules } from './ruleChanges.ts';

/** Notifications that one agent may have. */
export const MAX_NOTIFICATIONS_PER_AGENT = 2000;

/** An integration bound to an agent. */
export interface Notification {
  id: string;
  agentId: string;
  integrationId: string;
  subscription: Subscription;
  metadataFilter: Record<string, string>;
  channel: string | null;
  enabled: boolean;
  createdAt: Date;
  updatedAt: Date;
}

export type NewNotification = Omit<Notification, 'id' | 'createdAt' | 'updatedAt'>;

export type NotificationSaved =
  | { outcome: 'saved'; notification: Notification }
  | { outcome: 'unknown_notification' | 'unknown_agent' | 'unknown_integration' | 'too_many' };

/** Looks at the integration a notification is to use, and throws when the two do not fit. */
export type IntegrationCheck = (integration: Integration, notification: NewNotification) => void;

export async function createNotification(db: Db, organisationId: string, input: NewNotification, check: IntegrationCheck): Promise<NotificationSaved> {
  return changeRules(db, organisationId, async (trx) => {
    if (!(await readAgent(trx, organisationId, input.agentId))) return { outcome: 'unknown_agent' };
    const integration = await readIntegration(trx, organisationId, input.integrationId);
    if (!integration) return { outcome: 'unknown_integration' };
    check(integration, input);
    if ((await countNotifications(trx, input.agentId)) >= MAX_NOTIFICATIONS_PER_AGENT) return { outcome: 'too_many' };
    const row = await trx
      .insertInto('notifications')
      .values({ id: newId('ntf'), organisation_id: organisationId, agent_id: input.agentId, ...columnsOf(input) })
      .returningAll()
      .executeTakeFirstOrThrow();
    return { outcome: 'saved', notification: notificationOf(row) };
  });
}

/** Reads a notification and stores what `change` makes of it; nobody else changes it in between. */
export async function updateNotification(
  db: Db,
  organisationId: string,
  id: string,
  change: (current: Notification) => NewNotification,
  check: IntegrationCheck,
): Promise<NotificationSaved> {
  return changeRules(db, organisationId, async (trx) => {
    const current = await readNotification(trx, organisationId, id);
    if (!current) return { outcome: 'unknown_notification' };
    const changed = change(current);
    const integration = await readIntegration(trx, organisationId, changed.integrationId);
    if (!integration) return { outcome: 'unknown_integration' };
    check(integration, changed);
    const row = await trx
      .updateTable('notifications')
      .set({ ...columnsOf(changed), updated_at: new Date() })
      .where('organisation_id', '=', organisationId)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
    return { outcome: 'saved', notification: notificationOf(row) };
  });
}

export async function deleteNotification(db: Db, organisationId: string, id: string): Promise<boolean> {
  return changeRules(db, organisationId, async (trx) => {
    const { numDeletedRows } = await trx
      .deleteFrom('notifications')
      .where('organisation_id', '=', organisationId)
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  });
}

export async function readNotification(db: Db, organisationId: string, id: string): Promise<Notification | undefined> {
  const row = await db
    .selectFrom('notifications')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && notificationOf(row);
}

export async function listNotifications(
  db: Db,
  organisationId: string,
  filter: { agentId?: string; integrationId?: string; enabled?: boolean },
  page: PageRequest,
): Promise<Page<Notification>> {
  const rows = await db
    .selectFrom('notifications')
    .selectAll()
    .select(createdAtOf('created_at').as('position'))
    .where('organisation_id', '=', organisationId)
    .$if(filter.agentId !== undefined, (query) => query.where('agent_id', '=', filter.agentId!))
    .$if(filter.integrationId !== undefined, (query) => query.where('integration_id', '=', filter.integrationId!))
    .$if(filter.enabled !== undefined, (query) => query.where('enabled', '=', filter.enabled!))
    .$if(page.after !== undefined, (query) => query.where(isAfter(page.after!, 'created_at', 'id')))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageOf(rows, page.limit, notificationOf, (row) => ({ createdAt: row.position, id: row.id }));
}

async function countNotifications(trx: Db, agentId: string): Promise<number> {
  const { count } = await trx
    .selectFrom('notifications')
    .select((is) => is.fn.countAll<number>().as('count'))
    .where('agent_id', '=', agentId)
    .executeTakeFirstOrThrow();
  return count;
}

function columnsOf(input: Omit<NewNotification, 'agentId'>) {
  return {
    integration_id: input.integrationId,
    subscription: JSON.stringify(input.subscription),
    metadata_filter: JSON.stringify(input.metadataFilter),
    channel: input.channel,
    enabled: input.enabled,
  };
}

function notificationOf(row: Selectable<NotificationTable>): Notification {
  return {
    id: row.id,
    agentId: row.agent_id,
    integrationId: row.integration_id,
    subscription: row.subscription,
    metadataFilter: row.metadata_filter,
    channel: row.channel,
    enabled: row.enabled,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
