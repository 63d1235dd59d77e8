import { sql } from 'kysely';
import { createApiKey, findApiKey } from './apiKeys.ts';
import type { SessionTimeouts } from '../model/timeouts.ts';
import type { Db } from './database.ts';

/** Any number will do, as long as every Herald process uses the same one. */
const FIRST_ORGANISATION_LOCK = 4_812_908;

export async function createOrganisation(db: Db, organisation: { name: string }): Promise<{ id: string }> {
  return db.insertInto('organisations').values({ name: organisation.name }).returning('id').executeTakeFirstOrThrow();
}

/**
 * Makes sure that the installation has an organisation and that `key` opens it.
 * A key nobody knows yet is added to the oldest organisation; a revoked one stays revoked.
 */
export async function ensureFirstOrganisation(db: Db, { key }: { key: string }): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${FIRST_ORGANISATION_LOCK})`.execute(trx);
    if (await findApiKey(trx, key)) return;
    const oldest = await trx.selectFrom('organisations').select('id').orderBy('created_at').limit(1).executeTakeFirst();
    const { id } = oldest ?? (await createOrganisation(trx, { name: 'default' }));
    await createApiKey(trx, { organisationId: id, name: 'first key', scopes: ['ingest', 'admin'], key });
  });
}

export interface Organisation {
  id: string;
  name: string;
  /** Of the sessions that start from now on; what is absent has its default. */
  timeouts: Partial<SessionTimeouts>;
  createdAt: Date;
}

const columns = ['id', 'name', 'timeouts', 'created_at as createdAt'] as const;

export async function readOrganisation(db: Db, id: string): Promise<Organisation> {
  return db.selectFrom('organisations').select(columns).where('id', '=', id).executeTakeFirstOrThrow();
}

/** Sets what `change` has; every other timeout stays. */
export async function changeOrganisation(db: Db, id: string, change: { timeouts: Partial<SessionTimeouts> }): Promise<Organisation> {
  return db
    .updateTable('organisations')
    .set({ timeouts: sql<string>`timeouts || ${JSON.stringify(change.timeouts)}::jsonb` })
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirstOrThrow();
}

/**
 * Counts a change of the organisation's agents, notifications or integrations and answers the new version.
 * Call it in the transaction of the change: events stored afterwards are decided by the changed rules.
 */
export async function raiseRulesVersion(trx: Db, organisationId: string): Promise<number> {
  const { rules_version } = await trx
    .updateTable('organisations')
    .set((eb) => ({ rules_version: eb('rules_version', '+', 1) }))
    .where('id', '=', organisationId)
    .returning('rules_version')
    .executeTakeFirstOrThrow();
  return rules_version;
}
