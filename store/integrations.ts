import type { Selectable } from 'kysely';
import type { DeliverySettings } from '../model/deliverySettings.ts';
import type { JsonObject } from '../model/types.ts';
import type { Db } from './database.ts';
import { forgetHealth, settleHealth } from './health.ts';
import { newId } from './ids.ts';
import { createdAtOf, isAfter, type Page, pageOf, type PageRequest } from './paging.ts';
import type { IntegrationHealthTable, IntegrationTable } from './tables.ts';
import { changeRules } from './ruleChanges.ts';

export interface Integration {
  id: string;
  name: string;
  type: string;
  /** What may be shown. */
  config: JsonObject;
  /** Sealed; store/secrets.ts opens it. */
  secrets: string;
  enabled: boolean;
  /** Why Herald itself disabled it, or null. */
  disabledReason: string | null;
  /** Delivery settings, as they were set. */
  delivery: DeliverySettings;
  health: IntegrationHealth;
  createdAt: Date;
  updatedAt: Date;
}

/** How its destination has been doing. */
export interface IntegrationHealth {
  failingSince: Date | null;
  lastError: string | null;
  lastFailureAt: Date | null;
  /** To the minute. */
  lastSuccessAt: Date | null;
  pausedUntil: Date | null;
}

export interface NewIntegration {
  name: string;
  type: string;
  config: JsonObject;
  secrets: string;
  enabled: boolean;
  delivery?: DeliverySettings;
}

export type IntegrationChange = Partial<Omit<NewIntegration, 'type'>>;

export async function createIntegration(db: Db, organisationId: string, input: NewIntegration): Promise<Integration> {
  return changeRules(db, organisationId, async (trx) => {
    const id = newId('int');
    const { config, delivery = {}, ...rest } = input;
    await trx
      .insertInto('integrations')
      .values({ ...rest, id, organisation_id: organisationId, config: JSON.stringify(config), delivery: JSON.stringify(delivery) })
      .execute();
    return (await readIntegration(trx, organisationId, id))!;
  });
}

export async function listIntegrations(
  db: Db,
  organisationId: string,
  filter: { type?: string; enabled?: boolean },
  page: PageRequest,
): Promise<Page<Integration>> {
  const rows = await selectIntegrations(db)
    .select(createdAtOf('created_at').as('position'))
    .where('organisation_id', '=', organisationId)
    .$if(filter.type !== undefined, (query) => query.where('type', '=', filter.type!))
    .$if(filter.enabled !== undefined, (query) => query.where('enabled', '=', filter.enabled!))
    .$if(page.after !== undefined, (query) => query.where(isAfter(page.after!, 'created_at', 'id')))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageOf(rows, page.limit, integrationOf, (row) => ({ createdAt: row.position, id: row.id }));
}

export async function readIntegration(db: Db, organisationId: string, id: string): Promise<Integration | undefined> {
  const row = await selectIntegrations(db).where('organisation_id', '=', organisationId).where('id', '=', id).executeTakeFirst();
  return row && integrationOf(row);
}

/** Reads an integration and stores what `change` makes of it; nobody else changes it in between. */
export async function updateIntegration(
  db: Db,
  organisationId: string,
  id: string,
  change: (current: Integration) => IntegrationChange,
): Promise<Integration | undefined> {
  return changeRules(db, organisationId, async (trx) => {
    const current = await readIntegration(trx, organisationId, id);
    if (!current) return undefined;
    const { config, delivery, ...changed } = change(current);
    await trx
      .updateTable('integrations')
      .set({ ...changed, updated_at: new Date() })
      .$if(config !== undefined, (query) => query.set({ config: JSON.stringify(config) }))
      .$if(delivery !== undefined, (query) => query.set({ delivery: JSON.stringify(delivery) }))
      // Enabling by hand settles whatever made Herald disable it.
      .$if(changed.enabled === true, (query) => query.set({ disabled_reason: null }))
      .where('organisation_id', '=', organisationId)
      .where('id', '=', id)
      .execute();
    if (changed.enabled === true) await settleHealth(trx, id);
    return readIntegration(trx, organisationId, id);
  });
}

export type IntegrationDeletion = { outcome: 'deleted' } | { outcome: 'unknown' } | { outcome: 'bound'; notificationIds: string[] };

/** Removes an integration; one that is bound to agents only with `force`, and its notifications with it. */
export async function deleteIntegration(db: Db, organisationId: string, id: string, options: { force: boolean }): Promise<IntegrationDeletion> {
  return changeRules(db, organisationId, async (trx) => {
    const bound = await trx
      .selectFrom('notifications')
      .select('id')
      .where('organisation_id', '=', organisationId)
      .where('integration_id', '=', id)
      .orderBy('created_at')
      .execute();
    if (bound.length > 0 && !options.force) return { outcome: 'bound', notificationIds: bound.map((row) => row.id) };
    const { numDeletedRows } = await trx
      .deleteFrom('integrations')
      .where('organisation_id', '=', organisationId)
      .where('id', '=', id)
      .executeTakeFirst();
    if (numDeletedRows > 0n) await forgetHealth(trx, id);
    return { outcome: numDeletedRows > 0n ? 'deleted' : 'unknown' };
  });
}

function selectIntegrations(db: Db) {
  return db
    .selectFrom('integrations')
    .leftJoin('integration_health as h', 'h.integration_id', 'integrations.id')
    .selectAll('integrations')
    .select(['h.failing_since', 'h.last_error', 'h.last_failure_at', 'h.last_success_at', 'h.paused_until']);
}

type HealthColumns = 'failing_since' | 'last_error' | 'last_failure_at' | 'last_success_at' | 'paused_until';
/** An integration that was never tried has no row of its health. */
type IntegrationRow = Selectable<IntegrationTable> & Pick<Selectable<IntegrationHealthTable>, HealthColumns>;

function integrationOf(row: IntegrationRow): Integration {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    config: row.config,
    secrets: row.secrets,
    enabled: row.enabled,
    disabledReason: row.disabled_reason,
    delivery: row.delivery,
    health: {
      failingSince: row.failing_since,
      lastError: row.last_error,
      lastFailureAt: row.last_failure_at,
      lastSuccessAt: row.last_success_at,
      pausedUntil: row.paused_until,
    },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
