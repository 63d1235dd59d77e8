import { createHash, randomUUID } from 'node:crypto';
import { sql, type Selectable } from 'kysely';
import type { Db } from './database.ts';
import { newId } from './ids.ts';
import { createdAtOf, isAfter, type Page, pageOf, type PageRequest } from './paging.ts';
import type { ApiKeyTable } from './tables.ts';
import { inTransaction } from './transactions.ts';

/** `ingest`: report sessions and events. `admin`: everything under /v1. */
export const apiKeyScopes = ['ingest', 'admin'] as const;
export type ApiKeyScope = (typeof apiKeyScopes)[number];

/** An API key without the key itself, which is stored only as a hash. */
export interface ApiKey {
  id: string;
  organisationId: string;
  name: string;
  scopes: string[];
  /** Stands for the agent of a session that names none. */
  defaultAgentId: string | null;
  /** Last four characters, to tell keys apart. */
  hint: string;
  createdAt: Date;
  revokedAt: Date | null;
}

export interface NewApiKey {
  organisationId: string;
  name: string;
  scopes: ApiKeyScope[];
  defaultAgentId?: string | null;
  /** The key to use. Default: a random UUID. */
  key?: string;
}

/** Stores a new key. The answer is the only place where the key itself is ever shown. */
export async function createApiKey(db: Db, input: NewApiKey): Promise<{ id: string; key: string }> {
  const id = newId('key');
  const key = input.key ?? randomUUID();
  await inTransaction(db, (trx) =>
    trx
      .insertInto('api_keys')
      .values({
        id,
        organisation_id: input.organisationId,
        name: input.name,
        key_hash: hashOf(key),
        hint: key.slice(-4),
        scopes: input.scopes,
        default_agent_id: input.defaultAgentId ?? null,
      })
      .execute(),
  );
  return { id, key };
}

/** The key's record, also when it has been revoked. */
export async function findApiKey(db: Db, key: string): Promise<ApiKey | undefined> {
  const row = await db.selectFrom('api_keys').selectAll().where('key_hash', '=', hashOf(key)).executeTakeFirst();
  return row && apiKeyOf(row);
}

/** As {@link findApiKey}, by the key's id. */
export async function findApiKeyById(db: Db, id: string): Promise<ApiKey | undefined> {
  const row = await db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
  return row && apiKeyOf(row);
}

/** The organisation's keys, newest first, revoked ones included. */
export async function listApiKeys(db: Db, organisationId: string, page: PageRequest): Promise<Page<ApiKey>> {
  const rows = await db
    .selectFrom('api_keys')
    .selectAll()
    .select(createdAtOf('created_at').as('position'))
    .where('organisation_id', '=', organisationId)
    .$if(page.after !== undefined, (query) => query.where(isAfter(page.after!, 'created_at', 'id')))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageOf(rows, page.limit, apiKeyOf, (row) => ({ createdAt: row.position, id: row.id }));
}

/**
 * Ends the key and, within two seconds, every session token that was made with it.
 * The organisation's last admin key stays: without it nobody could make another.
 */
export async function revokeApiKey(db: Db, organisationId: string, id: string): Promise<'revoked' | 'unknown' | 'last_admin'> {
  return inTransaction(db, async (trx) => {
    const keys = await trx
      .selectFrom('api_keys')
      .select(['id', 'scopes', 'revoked_at'])
      .where('organisation_id', '=', organisationId)
      .orderBy('id')
      .forUpdate()
      .execute();
    const key = keys.find((known) => known.id === id);
    if (!key) return 'unknown';
    const admins = keys.filter(({ scopes, revoked_at }) => scopes.includes('admin') && revoked_at === null);
    if (admins.length === 1 && admins[0] === key) return 'last_admin';
    await trx
      .updateTable('api_keys')
      .set({ revoked_at: sql`coalesce(revoked_at, now())` })
      .where('id', '=', id)
      .execute();
    return 'revoked';
  });
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function apiKeyOf(row: Selectable<ApiKeyTable>): ApiKey {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    name: row.name,
    scopes: row.scopes,
    defaultAgentId: row.default_agent_id,
    hint: row.hint,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  };
}
