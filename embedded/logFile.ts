import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';

const KEPT_BYTES = 10_000_000;

/** Where a part's output goes. A file rather than a pipe: the part may outlive the process that started it. */
export function openLogFile(dataDir: string, part: string): { file: string; descriptor: number; close: () => void } {
  const file = path.join(dataDir, 'logs', `${part}.log`);
  mkdirSync(path.dirname(file), { recursive: true });
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > KEPT_BYTES) renameSync(file, `${file}.1`);
  const descriptor = openSync(file, 'a', 0o600);
  return { file, descriptor, close: () => closeSync(descriptor) };
}

/** The last line of a log that looks like the reason of a failure, else its last line. */
export function lastReason(file: string, pattern: RegExp): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-50);
  return lines.findLast((line) => pattern.test(line)) ?? lines.at(-1) ?? '';
}
