import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import { sql } from 'kysely';
import { startPostgres } from '../../embedded/postgres.ts';
import { keptPort } from '../../embedded/ports.ts';
import { startTemporal } from '../../embedded/temporal.ts';
import { type Db, migrate, openDatabase } from '../../store/database.ts';
import { ensureFirstOrganisation } from '../../store/organisations.ts';
import { type Child, startChild } from './children.ts';
import type { Cleanup } from './cleanup.ts';
import { makeDataFolder } from './dataFolder.ts';

/** What is measured: a Herald, with what it runs on. */
export interface Stack {
  apiUrl: string;
  apiKey: string;
  /** Of the Temporal server; absent when only the API's address is known. */
  temporalAddress?: string;
  /** Process ids by part, where they run on this machine for the bench. */
  pids: Record<string, number>;
  /** Events that are stored and not decided; undefined when it cannot be known. */
  undecided(): Promise<number | undefined>;
  /** A folder for logs. */
  folder: string;
}

export interface EmbeddedOptions {
  progress: (line: string) => void;
  cleanup: Cleanup;
  /** Keeps the data folder, with the logs. */
  keep: boolean;
  /** Where CPU profiles of API and worker go; absent: none are made. */
  profileFolder?: string;
}

/** Starts everything in a temporary folder, as `npm start` does. */
export async function startEmbeddedStack({ progress, cleanup, keep, profileFolder }: EmbeddedOptions): Promise<Stack> {
  const dataDir = await makeDataFolder({ cleanup, keep, progress });
  const postgres = await startPostgres({ dataDir, log: progress });
  cleanup.add(postgres.stop);
  const temporal = await startTemporal({ dataDir, log: progress, progress });
  cleanup.add(temporal.stop);

  const db = openDatabase(postgres.url, { maxConnections: 2, applicationName: 'herald-bench' });
  cleanup.add(() => db.destroy());
  const apiKey = randomUUID();
  await migrate(db);
  await ensureFirstOrganisation(db, { key: apiKey });

  const port = await keptPort(dataDir, 'api', progress);
  const env = {
    PORT: String(port),
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: temporal.address,
    HERALD_SECRET_KEY: randomBytes(32).toString('hex'),
    HERALD_ALLOWED_DESTINATIONS: '127.0.0.0/8,localhost,::1',
  };
  const folder = path.join(dataDir, 'logs');
  const nodeOptions = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const start = async (name: string): Promise<Child> => {
    const child = await startChild({ name, script: `${name}/main.ts`, env, folder, nodeOptions });
    cleanup.add(() => child.stop());
    return child;
  };
  const [api, worker] = await Promise.all([start('api'), start('worker')]);
  return {
    apiUrl: `http://127.0.0.1:${port}`,
    apiKey,
    temporalAddress: temporal.address,
    pids: { api: api.pid, worker: worker.pid, temporal: temporal.pid, postgres: postgres.pid },
    undecided: () => countUndecided(db),
    folder,
  };
}

export interface GivenAddresses {
  apiUrl: string;
  apiKey: string;
  temporalAddress?: string;
  databaseUrl?: string;
  folder: string;
}

/** A Herald that runs already, wherever. */
export function givenStack({ databaseUrl, ...given }: GivenAddresses, cleanup: Cleanup): Stack {
  if (databaseUrl === undefined) return { ...given, pids: {}, undecided: () => Promise.resolve(undefined) };
  const db = openDatabase(databaseUrl, { maxConnections: 2, applicationName: 'herald-bench' });
  cleanup.add(() => db.destroy());
  return { ...given, pids: {}, undecided: () => countUndecided(db) };
}

async function countUndecided(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select coalesce(sum(last_seq - decided_seq), 0)::float8 as count from session_progress where last_seq > decided_seq`.execute(db);
  return rows[0]?.count ?? 0;
}
