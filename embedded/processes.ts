import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;

/** Whether a process with this id exists and has not ended (a zombie has). */
export function isRunning(pid: number): boolean {
  return identityOf(pid) !== undefined;
}

/**
 * What tells a process from a later one that was given the same id: boot and start time.
 * `undefined` when there is no such process.
 */
export function identityOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return ps(pid, 'lstart=');
  const { state, startTicks } = statOf(pid) ?? {};
  if (state === undefined) return undefined;
  return state === 'Z' || state === 'X' ? undefined : `${readText('/proc/sys/kernel/random/boot_id')?.trim()} ${startTicks}`;
}

/** The command line of a process, arguments separated by spaces; empty when it cannot be read. */
export function commandLineOf(pid: number): string {
  if (process.platform !== 'linux') return ps(pid, 'command=') ?? '';
  return (readText(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ');
}

/** Sends each signal in turn, giving the process `patienceMs` after each to end. Answers whether it has. */
export async function endProcess(pid: number, signals: NodeJS.Signals[], patienceMs: number): Promise<boolean> {
  const identity = identityOf(pid);
  const isGone = () => identity === undefined || identityOf(pid) !== identity;
  for (const signal of signals) {
    if (isGone()) return true;
    process.kill(pid, signal);
    for (let waited = 0; waited < patienceMs && !isGone(); waited += POLL_MS) await sleep(POLL_MS);
  }
  return isGone();
}

/** The process that started this one, or whoever has adopted it since. */
export function parentOf(pid: number): number | undefined {
  const parent = process.platform === 'linux' ? statOf(pid)?.parent : ps(pid, 'ppid=');
  return parent === undefined ? undefined : Number(parent);
}

function statOf(pid: number): { state?: string; parent?: string; startTicks?: string } | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The command in parentheses may contain spaces: count fields from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0], parent: fields[1], startTicks: fields[19] };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function ps(pid: number, column: string): string | undefined {
  try {
    return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || undefined;
  } catch {
    return undefined;
  }
}
