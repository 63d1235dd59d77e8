import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastReason, openLogFile } from '../../embedded/logFile.ts';
import { readPidFile, removePidFile, writePidFile } from '../../embedded/pidFile.ts';
import { endProcess } from '../../embedded/processes.ts';
import { StartError } from '../../embedded/startError.ts';
import type { Running } from './keepRunning.ts';

export type HeraldProcess = 'api' | 'worker';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const READY_WITHIN_MS = 90_000;
/** On top of the grace time that the process itself keeps. */
const EXTRA_GRACE_MS = 3000;

export interface ProcessOptions {
  name: HeraldProcess;
  dataDir: string;
  env: NodeJS.ProcessEnv;
  shutdownGraceMs: number;
}

/**
 * Runs the API or the worker as a process of its own, exactly as production does. It ends by itself when this process
 * disappears.
 * @throws {StartError} when it does not become ready.
 */
export async function startHeraldProcess({ name, dataDir, env, shutdownGraceMs }: ProcessOptions): Promise<Running> {
  const output = openLogFile(dataDir, name);
  const child = fork(path.join(PROJECT, name, 'main.ts'), {
    cwd: PROJECT,
    env,
    // Ctrl-C reaches this process alone, which then ends the parts in order.
    detached: true,
    stdio: ['ignore', output.descriptor, output.descriptor, 'ipc'],
  });
  output.close();
  const ended = once(child, 'exit').then(
    () => 'ended' as const,
    () => 'ended' as const,
  );
  if (child.pid !== undefined) writePidFile(pidFile(dataDir, name), child.pid);
  const stop = async () => {
    if (child.pid !== undefined) await endProcess(child.pid, ['SIGTERM', 'SIGKILL'], shutdownGraceMs + EXTRA_GRACE_MS);
    removePidFile(pidFile(dataDir, name));
  };
  const ready = once(child, 'message', { signal: AbortSignal.timeout(READY_WITHIN_MS) }).then(
    () => 'ready' as const,
    () => 'too late' as const,
  );
  const outcome = await Promise.race([ended, ready]);
  if (outcome === 'ready') return { ended, stop };
  await stop();
  const what = outcome === 'ended' ? 'ended while starting' : `was not ready within ${READY_WITHIN_MS / 1000} s`;
  throw new StartError(`The ${name} ${what}: ${readable(lastReason(output.file, /./))} (more in ${output.file})`);
}

/**
 * Ends the API and the worker of a Herald that was killed, should they still be draining. They need not finish: what
 * they have accepted is stored, and found again.
 */
export async function endLeftoverProcesses(dataDir: string): Promise<void> {
  const end = async (name: HeraldProcess) => {
    const pid = readPidFile(pidFile(dataDir, name));
    if (pid !== undefined) await endProcess(pid, ['SIGTERM', 'SIGKILL'], EXTRA_GRACE_MS);
    removePidFile(pidFile(dataDir, name));
  };
  await Promise.all([end('api'), end('worker')]);
}

function pidFile(dataDir: string, name: HeraldProcess): string {
  return path.join(dataDir, 'run', `${name}.pid`);
}

/** A line of the log in words: its message and its error, if it is one of the logger's. */
function readable(line: string): string {
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return [msg, err?.message].filter((text) => text !== undefined).join(': ');
  } catch {
    return line;
  }
}
