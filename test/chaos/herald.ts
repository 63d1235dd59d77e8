import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readPidFile } from '../../embedded/pidFile.ts';
import { commandLineOf, isRunning } from '../../embedded/processes.ts';
import { freePort } from './freePort.ts';
import { signalAll, withDescendants } from './processTree.ts';

/** The processes that a Herald consists of. */
export type Part = 'api' | 'worker' | 'temporal' | 'postgres';
export const parts: readonly Part[] = ['api', 'worker', 'temporal', 'postgres'];

/** A Herald as `npm start` runs it, to be broken: whenever it ends it is started again on the same data folder. */
export interface Herald {
  url: string;
  apiKey: string;
  dataDir: string;
  /** Starts it; it may not become ready. */
  start(): void;
  /** Waits until it has started, its four processes run, and the API and Postgres answer. Answers whether they do in time. */
  isWhole(withinMs: number): Promise<boolean>;
  /** The process of a part, while it runs. */
  pidOf(part: Part): number | undefined;
  /** Process ids of a part with all its children. */
  processesOf(part: Part): number[];
  /** Kills the process that watches over the others. */
  killWatcher(): void;
  /** How often it was started. */
  starts(): number;
  /** The last lines that it has printed. */
  lastLines(): string[];
  stop(): Promise<void>;
}

const START = fileURLToPath(new URL('../../bin/start.ts', import.meta.url));
const READY_LINE = 'Herald is ready';
const RESTART_PAUSE_MS = 200;
const POLL_MS = 100;
const STOP_WITHIN_MS = 40_000;
const KEPT_LINES = 30;

export async function createHerald(options: { env: NodeJS.ProcessEnv; keep: boolean; say: (line: string) => void }): Promise<Herald> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'herald-chaos-'));
  const apiKey = randomUUID();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const lines: string[] = [];
  let child: ChildProcess | undefined;
  let starts = 0;
  let ready = false;
  let stopping = false;

  function start(): void {
    starts += 1;
    ready = false;
    const started = spawn(process.execPath, [START], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...withoutSettings(process.env), PORT: String(port), HERALD_DATA_DIR: dataDir, HERALD_API_KEY: apiKey, ...options.env },
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) stream.setEncoding('utf8').on('data', note);
    started.once('exit', () => {
      if (!stopping) setTimeout(start, RESTART_PAUSE_MS);
    });
  }

  function note(text: string): void {
    for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
      if (line.startsWith(READY_LINE)) ready = true;
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      options.say(line);
    }
  }

  function pidOf(part: Part): number | undefined {
    if (part === 'postgres') return postmaster(path.join(dataDir, 'postgres'));
    return readPidFile(path.join(dataDir, part === 'temporal' ? 'temporal/temporal.pid' : `run/${part}.pid`));
  }

  function processesOf(part: Part): number[] {
    const pid = pidOf(part);
    return pid === undefined ? [] : withDescendants(pid);
  }

  async function answers(): Promise<boolean> {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3000) }).catch(() => undefined);
    return response?.status === 200;
  }

  return {
    url,
    apiKey,
    dataDir,
    start,
    pidOf,
    processesOf,
    starts: () => starts,
    lastLines: () => [...lines],
    killWatcher: () => {
      if (child?.pid !== undefined) signalAll([child.pid], 'SIGKILL');
    },

    async isWhole(withinMs) {
      const giveUpAt = Date.now() + withinMs;
      while (Date.now() < giveUpAt) {
        if (ready && parts.every((part) => pidOf(part) !== undefined) && (await answers())) return true;
        await sleep(POLL_MS);
      }
      return false;
    },

    async stop() {
      stopping = true;
      for (const part of parts) signalAll(processesOf(part), 'SIGCONT');
      if (child && child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        const forced = setTimeout(() => child?.kill('SIGKILL'), STOP_WITHIN_MS);
        await exited;
        clearTimeout(forced);
      }
      for (const part of parts) signalAll(processesOf(part), 'SIGKILL');
      if (!options.keep) rmSync(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** The number in the file may be somebody else's by now. */
function postmaster(folder: string): number | undefined {
  const file = path.join(folder, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  return Number.isInteger(pid) && pid > 0 && isRunning(pid) && commandLineOf(pid).includes(folder) ? pid : undefined;
}

/** It is the committed configuration that is broken, not the caller's. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = /^(HERALD_|DATABASE_|TEMPORAL_|NODE_OPTIONS$|PORT$|npm_lifecycle_event$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.test(name)));
}
