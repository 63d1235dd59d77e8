import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { embeddedDatabaseUrl } from '../../embedded/postgres.ts';
import type { FaultCounts } from './faults.ts';
import { type Herald, type Part, parts } from './herald.ts';
import { signalAll } from './processTree.ts';
import type { Random } from './random.ts';

export interface RoughStart {
  herald: Herald;
  random: Random;
  /** How many of its starts are interrupted, the first one in the middle of the migration. */
  interruptions: number;
  only: readonly Part[];
  counts: FaultCounts;
  say: (line: string) => void;
}

const MIGRATION_WITHIN_MS = 60_000;
const PART_WITHIN_MS = 30_000;

/**
 * Starts Herald for the first time, on an empty folder, and kills Postgres or the process that migrates while the
 * migration is under way; then kills whatever comes up during further starts.
 */
export async function startRoughly({ herald, random, interruptions, only, counts, say }: RoughStart): Promise<void> {
  herald.start();
  if (only.includes('postgres') && (await migrationBegins(herald))) {
    if (random.chance(0.5)) {
      say('kill -9 postgres, in the middle of the migration');
      counts.kills.postgres += 1;
      signalAll(herald.processesOf('postgres'), 'SIGKILL');
    } else {
      say('kill -9 npm start, in the middle of the migration');
      herald.killWatcher();
    }
    counts.kills.inMigration += 1;
  }
  for (let interruption = 1; interruption < interruptions; interruption += 1) {
    await sleep(random.int(300, 3000));
    const part = random.pick(only.length === parts.length ? ([...only, 'watcher'] as const) : only);
    say(`kill -9 ${part === 'watcher' ? 'npm start' : part}, while Herald starts`);
    counts.kills.inStart += 1;
    if (part === 'watcher') herald.killWatcher();
    else await killWhenThere(herald, part, counts);
  }
}

async function killWhenThere(herald: Herald, part: Part, counts: FaultCounts): Promise<void> {
  const giveUpAt = Date.now() + PART_WITHIN_MS;
  while (herald.pidOf(part) === undefined && Date.now() < giveUpAt) await sleep(20);
  counts.kills[part] += 1;
  signalAll(herald.processesOf(part), 'SIGKILL');
}

/** Waits for the moment in which the first migration has begun and is not committed. */
async function migrationBegins(herald: Herald): Promise<boolean> {
  const giveUpAt = Date.now() + MIGRATION_WITHIN_MS;
  let client: pg.Client | undefined;
  while (Date.now() < giveUpAt) {
    try {
      client ??= await connect(herald.dataDir);
      const { rows } = await client.query<{ migrating: boolean; done: boolean }>(`
        select exists (select from pg_locks where locktype = 'advisory' and granted) as migrating,
               to_regclass('organisations') is not null as done`);
      if (rows[0]!.migrating || rows[0]!.done) {
        await client.end();
        return !rows[0]!.done;
      }
    } catch {
      // Not there yet.
      client = undefined;
      await sleep(10);
    }
  }
  return false;
}

async function connect(dataDir: string): Promise<pg.Client> {
  const url = embeddedDatabaseUrl(dataDir);
  if (url === undefined) throw new Error('There is no database yet.');
  const client = new pg.Client({ connectionString: url, application_name: 'chaos' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
