import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { coreSpeed } from './calibration.ts';

/** Where and on what the figures were taken. */
export interface Machine {
  cores: number;
  cpu: string;
  memoryGiB: number;
  system: string;
  node: string;
  /** Of the working tree; `+` when it has changes. */
  commit: string;
  /** Processes that wanted to run before the bench began, over one minute. */
  loadBefore: number;
  /** What one core did before and after the bench, see coreSpeed: figures of different speeds cannot be compared. */
  coreSpeed: { before: number; after: number };
  at: string;
}

export function describeMachine(): Machine {
  const speed = coreSpeed();
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.version,
    commit: commit(),
    loadBefore: Number(loadavg()[0]?.toFixed(1)),
    coreSpeed: { before: speed, after: speed },
    at: new Date().toISOString(),
  };
}

function commit(): string {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  try {
    return execFileSync('git', ['describe', '--always', '--dirty=+'], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}
