import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLineOf, endProcess, isRunning } from './processes.ts';
import { type Log, StartError } from './startError.ts';

/** Fast shutdown (ends connections, writes a checkpoint), then immediate shutdown (recovers at the next start). */
export const POSTGRES_STOP_SIGNALS: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
const PATIENCE_MS = 15_000;
const POLL_MS = 50;

/**
 * Ends the Postgres that a killed Herald left running on this folder. A process counts as ours only if it runs on this
 * very folder; otherwise its id was given to somebody else meanwhile.
 */
export async function endLeftoverPostgres(folder: string, log: Log): Promise<void> {
  const pidFile = path.join(folder, 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const lines = readFileSync(pidFile, 'utf8').split('\n');
  const pid = Number(lines[0]);
  if (isRunning(pid) && commandLineOf(pid).includes(folder)) {
    log(`Stopping the Postgres that an interrupted Herald left running (process ${pid}).`);
    if (await endProcess(pid, POSTGRES_STOP_SIGNALS, PATIENCE_MS)) return;
    throw new StartError(`The Postgres of an earlier start (process ${pid}) does not end: end it, then start again.`);
  }
  // Postgres would take a zombie, or a stranger with the same process id, for its predecessor and refuse to start.
  await untilDetached(Number(lines[6]?.trim().split(/\s+/)[1]));
  rmSync(pidFile);
}

/** The processes of a killed Postgres end by themselves; until then they hold its shared memory. */
async function untilDetached(sharedMemoryId: number): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += POLL_MS) {
    if (attachedTo(sharedMemoryId) === 0) return;
    await sleep(POLL_MS);
  }
  throw new StartError('Processes of a Postgres that was killed are still at work: end them, then start again.');
}

function attachedTo(sharedMemoryId: number): number {
  const list = '/proc/sysvipc/shm';
  if (!existsSync(list)) return 0;
  const rows = readFileSync(list, 'utf8').split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const ATTACHED = 6;
  return rows.find((row) => row[1] === sharedMemoryId)?.[ATTACHED] ?? 0;
}
