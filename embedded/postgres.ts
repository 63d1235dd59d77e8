import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type Part, startPart } from './part.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgresBinaries.ts';
import { endLeftoverPostgres, POSTGRES_STOP_SIGNALS } from './postgresLeftover.ts';
import { type PostgresUser, postgresUser } from './postgresUser.ts';
import { keptPort, readPorts } from './ports.ts';
import { type Log, StartError } from './startError.ts';

export interface PostgresPart extends Part {
  /** Of the database `herald`. */
  url: string;
  port: number;
}

export interface PostgresOptions {
  /** Herald's data folder; Postgres has a folder and a log of its own in it. */
  dataDir: string;
  log: Log;
}

const NAME = 'postgres';
const GIGABYTE = 1024 ** 3;
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;

/**
 * Starts the Postgres of a data folder, making its database at the first time. One that a killed Herald left running
 * there is ended before.
 * @throws {StartError} with a sentence that says what to do.
 */
export async function startPostgres({ dataDir, log }: PostgresOptions): Promise<PostgresPart> {
  const binaries = await findPostgresBinaries();
  mkdirSync(dataDir, { recursive: true });
  const folder = path.join(realpathSync(dataDir), NAME);
  const user = postgresUser([path.dirname(binaries.postgres), path.dirname(folder)]);
  await endLeftoverPostgres(folder, log);
  if (!existsSync(folder)) await initialise(binaries, user, dataDir, folder);
  const port = await keptPort(dataDir, NAME, log);
  const { command, args, ids } = user.command(binaries.postgres, ['-D', folder, ...serverSettings(port)]);
  const part = await startPart({
    title: 'Postgres',
    name: NAME,
    dataDir,
    command,
    args,
    spawnOptions: { ...ids, cwd: '/', env: { ...process.env, LC_ALL: 'C' } },
    isReady: () => answers(databaseUrl(dataDir, port, 'postgres')),
    readyWithinMs: READY_WITHIN_MS,
    failure: /FATAL|PANIC|ERROR/,
    stopSignals: POSTGRES_STOP_SIGNALS,
    stopWithinMs: STOP_WITHIN_MS,
  });
  await createDatabase(databaseUrl(dataDir, port, 'postgres'));
  return { ...part, port, url: databaseUrl(dataDir, port) };
}

/** The address of a data folder's database, whether it runs or not; `undefined` when there has never been one. */
export function embeddedDatabaseUrl(dataDir: string): string | undefined {
  const port = readPorts(dataDir)[NAME];
  return port !== undefined && existsSync(passwordFile(dataDir)) ? databaseUrl(dataDir, port) : undefined;
}

function serverSettings(port: number): string[] {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: totalmem() >= 4 * GIGABYTE ? '256MB' : '128MB',
    max_wal_size: '2GB',
    checkpoint_timeout: '15min',
    wal_compression: 'on',
    random_page_cost: 1.1,
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Works beside the final place and renames, so that an interrupted start leaves nothing half-made behind. */
async function initialise(binaries: PostgresBinaries, user: PostgresUser, dataDir: string, folder: string): Promise<void> {
  const password = passwordFile(dataDir);
  if (!existsSync(password)) writeFileSync(password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  if (user.ids) {
    chmodSync(dataDir, 0o711);
    for (const item of [unfinished, password]) chownSync(item, user.ids.uid, user.ids.gid);
  }
  const { command, args, ids } = user.command(binaries.initdb, [
    `--pgdata=${unfinished}`,
    '--username=herald',
    `--pwfile=${path.resolve(password)}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
  ]);
  try {
    await promisify(execFile)(command, args, { ...ids, cwd: '/', env: { ...process.env, LC_ALL: 'C' } });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new StartError(`Postgres could not make its database: ${stderr?.trim().split('\n').at(-1) || String(error)}`, { cause: error });
  }
  renameSync(unfinished, folder);
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query(`select from pg_database where datname = 'herald'`);
    if (rowCount === 0) await client.query('create database herald');
  } finally {
    await client.end();
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

function databaseUrl(dataDir: string, port: number, database = 'herald'): string {
  const password = readFileSync(passwordFile(dataDir), 'utf8').trim();
  return `postgres://herald:${password}@127.0.0.1:${port}/${database}`;
}

function passwordFile(dataDir: string): string {
  return path.join(dataDir, 'postgres-password');
}
