import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildGoProgram } from '../../../embedded/goProgram.ts';
import { showProgress } from '../../../embedded/progress.ts';

/** The server that embedded/temporal-server-build pins; docker-compose.yml runs the same. */
export const TEMPORAL_SERVER_VERSION = 'v1.30.4';

const MODULE = fileURLToPath(new URL('../../../embedded/temporal-server-build', import.meta.url));

/** Files of the programs, built from source (some minutes, once for a user). */
export async function temporalPrograms(log: (line: string) => void): Promise<{ server: string; sqlTool: string }> {
  return {
    server: await built('temporal-server', 'go.temporal.io/server/cmd/server', log),
    sqlTool: await built('temporal-sql-tool', 'go.temporal.io/server/cmd/tools/sql', log),
  };
}

async function built(name: string, goPackage: string, log: (line: string) => void): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  const target = path.join(cache, 'herald', `temporal-server-${TEMPORAL_SERVER_VERSION}`, name);
  if (existsSync(target)) return target;
  log(`Getting ${name} ${TEMPORAL_SERVER_VERSION}; this is needed once.`);
  const { progress, done } = showProgress(process.stderr);
  try {
    await buildGoProgram({ name, module: MODULE, package: goPackage, otherWays: `put the program at ${target}` }, target, log, progress);
  } finally {
    done();
  }
  return target;
}
