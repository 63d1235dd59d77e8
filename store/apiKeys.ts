import { createHash, randomUUID } from 'node:crypto';
import { sql, type Selectable } from 'kysely';
import type { Db } from './database.ts';
import { newId } from './ids.ts';
import type { ApiKeyTable } from './tables.ts';

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
  await db
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
    .execute();
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

/** The organisation's keys, oldest first; `after` is the id of the last one already seen. */
export async function listApiKeys(
  db: Db,
  organisationId: string,
  page: { limit: number; after?: string },
): Promise<ApiKey[]> {
  let query = db.selectFrom('api_keys').selectAll().where('organisation_id', '=', organisationId);
  if (page.after !== undefined) {
    query = query.where(sql<boolean>`(created_at, id) > (select created_at, id from api_keys where id = ${page.after})`);
  }
  const rows = await query.orderBy('created_at').orderBy('id').limit(page.limit).execute();
  return rows.map(apiKeyOf);
}

/** Ends the key and, within two seconds, every session token that was made with it. */
export async function revokeApiKey(db: Db, organisationId: string, id: string): Promise<ApiKey | undefined> {
  const row = await db
    .updateTable('api_keys')
    .set({ revoked_at: sql`coalesce(revoked_at, now())` })
    .where('organisation_id', '=', organisationId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row && apiKeyOf(row);
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
