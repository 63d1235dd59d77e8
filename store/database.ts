import { Kysely, PostgresDialect, sql } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import pg from 'pg';
import * as initial from './migrations/0001_initial.ts';
import * as listening from './migrations/0002_listening.ts';
import * as commands from './migrations/0003_commands.ts';
import * as deliverySettings from './migrations/0004_delivery_settings.ts';
import * as replays from './migrations/0005_replays.ts';
import * as channels from './migrations/0006_channels.ts';
import * as listeningClients from './migrations/0007_listening_clients.ts';
import * as channelIds from './migrations/0008_channel_ids.ts';
import * as cutResponses from './migrations/0009_cut_responses.ts';
import { withPreparedStatements } from './preparedStatements.ts';
import type { Tables } from './tables.ts';

/** Herald's database, or a transaction on it: queries take either. */
export type Db = Kysely<Tables>;

export interface DatabaseOptions {
  /** Connections of this process at most. Default 10. */
  maxConnections?: number;
  /** Shown by Postgres in `pg_stat_activity`. Default `herald`. */
  applicationName?: string;
  /**
   * A statement that is not answered within this time has failed, and its connection is given up. Default 12,000: less
   * than a request waits for Postgres, so that it can be made again.
   */
  answerWithinMs?: number;
  /** Told about connections that broke while idle; the pool replaces them by itself. */
  onIdleError?: (error: Error) => void;
}

/** Every migration, by name, in order. A migration that has been released never changes. */
const migrations: Record<string, Migration> = {
  '0001_initial': initial,
  '0002_listening': listening,
  '0003_commands': commands,
  '0004_delivery_settings': deliverySettings,
  '0005_replays': replays,
  '0006_channels': channels,
  '0007_listening_clients': listeningClients,
  '0008_channel_ids': channelIds,
  '0009_cut_responses': cutResponses,
};

/** Any number will do, as long as every Herald process uses the same one. */
const MIGRATION_LOCK = 4_812_907;
const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_WITHIN_MS = 12_000;

/** Opens a pool of connections; nothing is connected until the first query. */
export function openDatabase(url: string, options: DatabaseOptions = {}): Db {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections ?? 10,
    application_name: options.applicationName ?? 'herald',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types,
  });
  pool.on('error', options.onIdleError ?? ignoreError);
  // The pool listens only to idle connections; one that breaks between two queries of a transaction must not end the process.
  pool.on('connect', (client) => client.on('error', ignoreError));
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: withPreparedStatements(pool, options.answerWithinMs ?? ANSWER_WITHIN_MS) }) });
}

/** Brings the schema up to date. Several processes may call it at once: one works, the others wait. */
export async function migrate(db: Db): Promise<void> {
  await db.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`.execute(connection);
    try {
      const migrator = new Migrator({ db: connection, provider: { getMigrations: () => Promise.resolve(migrations) } });
      const { error } = await migrator.migrateToLatest();
      if (error) throw error;
    } finally {
      await sql`select pg_advisory_unlock(${MIGRATION_LOCK})`.execute(connection);
    }
  });
}

/** Postgres' `bigint` becomes a number: every key and sequence number stays below 2^53. */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

/** The next query reports what is wrong, if anything still is. */
function ignoreError(): void {}
