import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removePidFile, takeLock } from '../../embedded/pidFile.ts';
import { StartError } from '../../embedded/startError.ts';

const LOCK_POLL_MS = 100;
/** Long enough for a Herald whose terminal was just closed or whose npm was just killed to notice it. */
const NOTICE_MS = 1500;
const STOPPING_PATIENCE_MS = 40_000;

/** The data folder, held by this process alone until `release`. */
export interface DataFolder {
  /** Tells a waiting start that it is worth waiting. */
  markStopping: () => void;
  release: () => void;
}

/**
 * Makes the data folder if need be and takes it.
 * @throws {StartError} when it cannot be used, or another Herald runs on it.
 */
export async function takeDataFolder(dataDir: string): Promise<DataFolder> {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o711 });
    accessSync(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StartError(`The data folder ${dataDir} cannot be used (${(error as NodeJS.ErrnoException).code}): set HERALD_DATA_DIR to a folder this user may write.`);
  }
  const lock = path.join(dataDir, 'herald.pid');
  const stopping = path.join(dataDir, 'herald.stopping');
  const startedAt = Date.now();
  for (let holder = takeLock(lock); holder !== undefined; holder = takeLock(lock)) {
    const patienceMs = isStopping(stopping, holder) ? STOPPING_PATIENCE_MS : NOTICE_MS;
    if (Date.now() - startedAt > patienceMs) {
      throw new StartError(`Herald is already running on ${dataDir} (process ${holder}): stop it first, or set PORT and HERALD_DATA_DIR to start a second one beside it.`);
    }
    await sleep(LOCK_POLL_MS);
  }
  return {
    markStopping: () => writeFileSync(stopping, String(process.pid)),
    release: () => {
      rmSync(stopping, { force: true });
      removePidFile(lock);
    },
  };
}

/** A secret of this installation: the given one, else the one kept in the file, else a new one, kept from now on. */
export function keptSecret(dataDir: string, name: string, given: string | undefined, make: () => string): string {
  const file = path.join(dataDir, name);
  const kept = readIfThere(file);
  if (given === undefined && kept !== undefined) return kept;
  const secret = given ?? make();
  if (secret !== kept) writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  return secret;
}

function isStopping(file: string, holder: number): boolean {
  return readIfThere(file) === String(holder);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
