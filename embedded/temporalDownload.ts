import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Progress } from './progress.ts';

const POLL_MS = 500;
const STALLED_AFTER_MS = 20_000;
const MEGABYTE = 1_000_000;

/**
 * Lets the Temporal SDK download the CLI. Answers false when it cannot, for example without internet.
 *
 * The SDK's native library works in a process of its own: it downloads as a side effect of starting a server, and
 * cannot be interrupted when the network goes silent.
 */
export async function downloadTemporal(version: string, target: string, progress: Progress): Promise<boolean> {
  const folder = `${path.dirname(target)}.download-${process.pid}`;
  mkdirSync(folder, { recursive: true });
  try {
    const script = fileURLToPath(new URL('temporalDownloadProcess.ts', import.meta.url));
    const child = spawn(process.execPath, [script, version, folder], { stdio: 'ignore' });
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    const ended = once(child, 'exit').then(
      () => true,
      () => true,
    );
    let bytes = 0;
    for (let stalledMs = 0; !(await Promise.race([ended, sleep(POLL_MS, false)])); stalledMs += POLL_MS) {
      const now = bytesIn(folder);
      if (now > bytes) {
        stalledMs = 0;
        progress(`Downloading the Temporal server: ${Math.round(now / MEGABYTE)} MB`);
      }
      bytes = now;
      if (stalledMs > STALLED_AFTER_MS) child.kill('SIGKILL');
    }
    process.off('exit', end);
    const [program] = readdirSync(folder).filter((name) => !name.endsWith('.downloading'));
    if (child.exitCode !== 0 || program === undefined) return false;
    mkdirSync(path.dirname(target), { recursive: true });
    chmodSync(path.join(folder, program), 0o755);
    renameSync(path.join(folder, program), target);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function bytesIn(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + (statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}
