import type { Selectable } from 'kysely';
import type { JsonObject } from '../model/types.ts';
import type { Db } from './database.ts';
import { newId } from './ids.ts';
import { createdAtOf, isAfter, type Page, pageOf, type PageRequest } from './paging.ts';
import type { IntegrationTable } from './tables.ts';
import { changeRules } from './transactions.ts';

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
  createdAt: Date;
  updatedAt: Date;
}

export interface NewIntegration {
  name: string;
  type: string;
  config: JsonObject;
  secrets: string;
  enabled: boolean;
}

export type IntegrationChange = Partial<Omit<NewIntegration, 'type'>>;

export async function createIntegration(db: Db, organisationId: string, input: NewIntegration): Promise<Integration> {
  return changeRules(db, organisationId, async (trx) => {
    const row = await trx
      .insertInto('integrations')
      .values({ ...input, id: newId('int'), organisation_id: organisationId, config: JSON.stringify(input.config) })
      .returningAll()
      .executeTakeFirstOrThrow();
    return integrationOf(row);
  });
}

export async function listIntegrations(
  db: Db,
  organisationId: string,
  filter: { type?: string; enabled?: boolean },
  page: PageRequest,
): Promise<Page<Integration>> {
  const rows = await db
    .selectFrom('integrations')
    .selectAll()
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
  const row = await db
    .selectFrom('integrations')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('id', '=', id)
    .executeTakeFirst();
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
    const { config, ...changed } = change(current);
    const row = await trx
      .updateTable('integrations')
      .set({ ...changed, updated_at: new Date() })
      .$if(config !== undefined, (query) => query.set({ config: JSON.stringify(config) }))
      // Enabling by hand settles whatever made Herald disable it.
      .$if(changed.enabled === true, (query) => query.set({ disabled_reason: null }))
      .where('organisation_id', '=', organisationId)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
    return integrationOf(row);
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
    return { outcome: numDeletedRows > 0n ? 'deleted' : 'unknown' };
  });
}

function integrationOf(row: Selectable<IntegrationTable>): Integration {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    config: row.config,
    secrets: row.secrets,
    enabled: row.enabled,
    disabledReason: row.disabled_reason,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
