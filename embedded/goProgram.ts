import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findOnPath } from './path.ts';
import { removePidFile, takeLock } from './pidFile.ts';
import type { Progress } from './progress.ts';
import { type Log, StartError } from './startError.ts';

const LOCK_POLL_MS = 500;

/** A program that is built from Go modules, pinned by the `go.sum` of a module of Herald's own. */
export interface GoProgram {
  /** For people: `Temporal server`. */
  name: string;
  /** Folder with the go.mod and go.sum. */
  module: string;
  /** Go package of the program. */
  package: string;
  /** What one can do instead of building it: an imperative. */
  otherWays: string;
}

/**
 * Builds a program into `target`, unless it is there. Two builds at once do not collide: the second waits for the first
 * and uses its result.
 * @throws {StartError} without Go, or when the build fails.
 */
export async function buildGoProgram(program: GoProgram, target: string, log: Log, progress: Progress): Promise<void> {
  const go = findGo(program);
  const lock = `${target}.lock`;
  for (let holder = takeLock(lock); holder !== undefined; holder = takeLock(lock)) {
    progress(`Waiting for another Herald (process ${holder}) that is building the ${program.name}`);
    await sleep(LOCK_POLL_MS);
  }
  try {
    if (existsSync(target)) return;
    log(`Building it from source with ${go}: a few minutes, depending on the machine.`);
    const total = await countPackages(go, program, progress);
    const unfinished = `${target}.unfinished`;
    rmSync(unfinished, { force: true });
    mkdirSync(path.dirname(target), { recursive: true });
    let compiled = 0;
    const args = ['build', '-v', '-mod=readonly', '-trimpath', '-ldflags=-s -w', '-o', unfinished, program.package];
    await runGo(go, program, args, () => {
      compiled += 1;
      progress(`Building the ${program.name}: ${compiled} of ${total} packages`);
    });
    renameSync(unfinished, target);
  } finally {
    removePidFile(lock);
  }
}

function findGo({ name, otherWays }: GoProgram): string {
  const go = findOnPath('go') ?? ['/usr/local/go/bin/go', '/usr/lib/go/bin/go'].find(existsSync);
  if (go === undefined) {
    throw new StartError(`There is no ${name} here, none could be downloaded, and Go is missing to build one: install Go 1.25 or newer (https://go.dev/dl), ${otherWays}.`);
  }
  return go;
}

/** Also fetches the modules. */
async function countPackages(go: string, program: GoProgram, progress: Progress): Promise<number> {
  let fetched = 0;
  progress(`Fetching the ${program.name}’s source`);
  const lines = await runGo(go, program, ['list', '-deps', '-mod=readonly', program.package], (line) => {
    if (!line.startsWith('go: downloading')) return;
    fetched += 1;
    progress(`Fetching the ${program.name}’s source: ${fetched} modules`);
  });
  return lines;
}

/** Runs Go in the module of the build; `onLine` gets what it reports on standard error. Answers the lines of output. */
async function runGo(go: string, { name, module, otherWays }: GoProgram, args: string[], onLine: (line: string) => void): Promise<number> {
  const child = spawn(go, args, { cwd: module, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, GOWORK: 'off' } });
  const end = () => child.kill();
  process.once('exit', end);
  const reports: string[] = [];
  let lines = 0;
  createInterface({ input: child.stdout }).on('line', () => (lines += 1));
  createInterface({ input: child.stderr }).on('line', (line) => {
    reports.push(line);
    onLine(line);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  process.off('exit', end);
  if (code === 0) return lines;
  const version = await promisify(execFile)(go, ['version']).then(({ stdout }) => stdout.trim(), String);
  const reason = reports.findLast((line) => /^go: (?!downloading)|error|cannot|:\d+:/i.test(line)) ?? (code === null ? 'it was killed' : `exit code ${code}`);
  throw new StartError(`The ${name} could not be built (${version}): ${reason}. To go on without building it, ${otherWays}.`);
}
