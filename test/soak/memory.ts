import { execFileSync } from 'node:child_process';

/** Resident memory of a process in MB; 0 when it does not run. */
export function residentMb(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const kilobytes = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  return Math.round(Number(kilobytes) / 1024);
}
