import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { findOnPath } from './path.ts';
import type { Progress } from './progress.ts';
import type { Log } from './startError.ts';
import { buildTemporal } from './temporalBuild.ts';
import { downloadTemporal } from './temporalDownload.ts';

/** The Temporal CLI whose server everybody runs, downloaded or built. */
export const TEMPORAL_CLI_VERSION = 'v1.5.1';
/** The oldest server on PATH that knows the settings Herald starts it with. */
const OLDEST_SERVER = [1, 29];

/**
 * Finds the program of the Temporal server: on PATH, from an earlier time, by download, or built from source.
 * @throws {StartError} when there is no way to get it.
 */
export async function findTemporal(log: Log, progress: Progress): Promise<string> {
  const onPath = findOnPath('temporal');
  if (onPath !== undefined) {
    const server = await serverVersion(onPath);
    if (server !== undefined && isRecentEnough(server)) {
      log(`Temporal server ${server}: ${onPath}.`);
      return onPath;
    }
    log(`Not using ${onPath}: ${server === undefined ? 'it tells no server version' : `its server ${server} is older than ${OLDEST_SERVER.join('.')}`}.`);
  }
  const cached = cachedProgram();
  if (existsSync(cached)) return cached;
  log('Getting the Temporal server; this is needed once.');
  if (await downloadTemporal(TEMPORAL_CLI_VERSION, cached, progress)) log(`Temporal server downloaded: ${cached}.`);
  else {
    await buildTemporal(cached, log, progress);
    log(`Temporal server built: ${cached}.`);
  }
  return cached;
}

/** Where a downloaded or built server is kept, for all copies of Herald of this user. */
function cachedProgram(): string {
  const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return path.join(cache, 'herald', `temporal-cli-${TEMPORAL_CLI_VERSION}`, 'temporal');
}

async function serverVersion(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 10_000 });
    return /Server (\d+\.\d+[.\d]*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

function isRecentEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_SERVER;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}
