import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { identityOf } from './processes.ts';

interface Holder {
  pid: number;
  identity: string | undefined;
}

/** Notes a running process in a file, so that a later start recognises it. */
export function writePidFile(file: string, pid: number): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const text = holderText(pid);
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/** The id of the process noted in the file, if that very process still runs. */
export function readPidFile(file: string): number | undefined {
  const holder = readHolder(file);
  return holder && holder.identity !== undefined && identityOf(holder.pid) === holder.identity ? holder.pid : undefined;
}

export function removePidFile(file: string): void {
  rmSync(file, { force: true });
}

/**
 * Makes this process the only holder of a lock file. Answers the id of the process that holds it, or `undefined` when
 * the lock is ours. The lock of a process that has ended counts for nothing.
 */
export function takeLock(file: string): number | undefined {
  mkdirSync(path.dirname(file), { recursive: true });
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      writeFileSync(file, holderText(process.pid), { flag: 'wx' });
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readPidFile(file);
    if (holder !== undefined) return holder;
    setAsideStaleLock(file);
  }
  return readHolder(file)?.pid ?? 0;
}

/** Two processes may find the same stale lock: whoever moved away a lock that is alive after all puts it back. */
function setAsideStaleLock(file: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readPidFile(aside) === undefined) rmSync(aside, { force: true });
  else renameSync(aside, file);
}

function holderText(pid: number): string {
  return `${JSON.stringify({ pid, identity: identityOf(pid) } satisfies Holder)}\n`;
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}
