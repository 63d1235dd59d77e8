import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { parentOf } from '../../embedded/processes.ts';

/** Sends a signal to processes that may be gone already. */
export function signalAll(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** A process and everything it has started: Postgres is one process for each connection, and more. */
export function withDescendants(pid: number): number[] {
  const parents = parentsOfAll();
  const family = [pid];
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  }
  return family;
}

function parentsOfAll(): Map<number, number> {
  if (process.platform === 'linux') {
    const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
    return new Map(pids.map((pid) => [pid, parentOf(pid) ?? 0]));
  }
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return new Map(rows.map((row) => row.trim().split(/\s+/).map(Number) as [number, number]));
}
