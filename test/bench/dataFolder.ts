import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endLeftovers } from '../../embedded/leftovers.ts';
import { readPidFile, takeLock } from '../../embedded/pidFile.ts';
import type { Cleanup } from './cleanup.ts';

const NAME = 'herald-bench-';
const OWNER = 'owner.pid';

/** A temporary folder for one bench; whatever is left running on it is ended with it. */
export async function makeDataFolder(options: { cleanup: Cleanup; keep: boolean; progress: (line: string) => void }): Promise<string> {
  const { cleanup, keep, progress } = options;
  await removeInterrupted(progress);
  const dataDir = mkdtempSync(path.join(tmpdir(), NAME));
  chmodSync(dataDir, 0o711);
  takeLock(path.join(dataDir, OWNER));
  cleanup.add(async () => {
    await endLeftovers(dataDir, progress);
    if (keep) progress(`Data and logs are kept in ${dataDir}`);
    else rmSync(dataDir, { recursive: true, force: true });
  });
  return dataDir;
}

/** A bench that was killed leaves its servers and its folder behind. */
async function removeInterrupted(progress: (line: string) => void): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(NAME))) {
    const dataDir = path.join(tmpdir(), name);
    if (readPidFile(path.join(dataDir, OWNER)) !== undefined) continue;
    await endLeftovers(dataDir, progress);
    rmSync(dataDir, { recursive: true, force: true });
  }
}
