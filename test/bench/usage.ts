import { readdirSync, readFileSync } from 'node:fs';

const MIB = 1024 * 1024;
const TICKS_A_SECOND = 100;

/** Memory of each part in MiB. Postgres shares memory among its processes, which is counted once. */
export function memoryOf(pids: Record<string, number>): Record<string, number> {
  const family = processFamilies();
  return mapValues(pids, (pid) => Math.round(sum(withDescendants(pid, family), memoryBytes) / MIB));
}

/** Seconds of CPU time each part has used since it began. */
export function cpuSecondsOf(pids: Record<string, number>): Record<string, number> {
  const family = processFamilies();
  return mapValues(pids, (pid) => sum(withDescendants(pid, family), cpuSeconds));
}

/** CPU time of each part between two readings, in milliseconds for each of `count` things done. */
export function cpuMsEach(before: Record<string, number>, after: Record<string, number>, count: number): Record<string, number> {
  return mapValues(after, (seconds, part) => Number((((seconds - (before[part] ?? 0)) * 1000) / count).toFixed(3)));
}

/** Proportional share where the kernel tells it, else resident memory. */
function memoryBytes(pid: number): number {
  const kilobytes = (file: string, field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/${file}`))?.[1] ?? Number.NaN) * 1024;
  const proportional = kilobytes('smaps_rollup', 'Pss');
  return Number.isNaN(proportional) ? kilobytes('status', 'VmRSS') || 0 : proportional;
}

/** Its own time, and that of its children that have ended. */
function cpuSeconds(pid: number): number {
  const ticks = statFields(pid)?.slice(11, 15).map(Number) ?? [];
  return ticks.reduce((total, value) => total + value, 0) / TICKS_A_SECOND;
}

/** The fields after the command, which may contain spaces: state, parent, … */
function statFields(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function processFamilies(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  if (process.platform !== 'linux') return children;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statFields(Number(name))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}

function withDescendants(pid: number, children: Map<number, number[]>): number[] {
  return [pid, ...(children.get(pid) ?? []).flatMap((child) => withDescendants(child, children))];
}

function sum(pids: number[], of: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + of(pid), 0);
}

function mapValues(values: Record<string, number>, change: (value: number, key: string) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value, key)]));
}

/** Empty when the process has just ended, or on a system without /proc. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
