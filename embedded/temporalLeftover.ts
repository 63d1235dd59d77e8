import path from 'node:path';
import { readPidFile } from './pidFile.ts';
import { commandLineOf, endProcess } from './processes.ts';
import { type Log, StartError } from './startError.ts';

/** From polite to rude. SQLite's journal brings a killed server's database back in order. */
export const TEMPORAL_STOP_SIGNALS: NodeJS.Signals[] = ['SIGTERM', 'SIGKILL'];
const PATIENCE_MS = 15_000;

/** Where the files of a data folder's server are. */
export function temporalFiles(dataDir: string): { database: string; pidFile: string } {
  return { database: path.join(dataDir, 'temporal', 'temporal.db'), pidFile: path.join(dataDir, 'temporal', 'temporal.pid') };
}

/** Ends the server that a killed Herald left running on this very database. */
export async function endLeftoverTemporal(dataDir: string, log: Log): Promise<void> {
  const { database, pidFile } = temporalFiles(dataDir);
  const pid = readPidFile(pidFile);
  if (pid === undefined || !commandLineOf(pid).includes(database)) return;
  log(`Stopping the Temporal server that an interrupted Herald left running (process ${pid}).`);
  if (!(await endProcess(pid, TEMPORAL_STOP_SIGNALS, PATIENCE_MS))) {
    throw new StartError(`The Temporal server of an earlier start (process ${pid}) does not end: end it, then start again.`);
  }
}
