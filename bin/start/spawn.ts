import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const START = fileURLToPath(new URL('../start.ts', import.meta.url));
/** The Temporal server may have to be built first. */
const READY_WITHIN_MS = 30 * 60_000;
const STOP_WITHIN_MS = 60_000;
const READY_LINE = 'Herald is ready';

export interface SpawnOptions {
  env?: NodeJS.ProcessEnv;
  /** Aborted: it is not wanted any more. */
  signal?: AbortSignal;
}

/** A whole Herald in a data folder of its own, as `npm start` runs it. */
export interface SpawnedHerald {
  url: string;
  apiKey: string;
  dataDir: string;
  pid: number;
  /** Ends it and deletes the folder. */
  stop(): Promise<void>;
}

/**
 * Starts Herald beside any other, with everything of its own.
 *
 * @param say Told what it prints until it is ready.
 * @throws Error with its own words when it does not start, or when `signal` is aborted before it has.
 */
export async function spawnHerald(say: (line: string) => void, { env = {}, signal }: SpawnOptions = {}): Promise<SpawnedHerald> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'herald-'));
  const apiKey = randomUUID();
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const child = spawn(process.execPath, [START], {
    // The channel tells it when this process has gone, in whatever way.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Ctrl-C reaches this process alone.
    detached: true,
    env: { ...process.env, PORT: String(port), HERALD_DATA_DIR: dataDir, HERALD_API_KEY: apiKey, HERALD_PUBLIC_URL: url, ...env },
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const forced = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      await exited;
      clearTimeout(forced);
    }
    rmSync(dataDir, { recursive: true, force: true });
  };
  const printed: string[] = [];
  const ready = readyLine([child.stdout!, child.stderr!], (line) => {
    printed.push(line);
    say(line);
  });
  const given = [AbortSignal.timeout(READY_WITHIN_MS), ...(signal ? [signal] : [])];
  const over = aborted(AbortSignal.any(given));
  if ((await Promise.race([ready, exited, over])) === 'ready') return { url, apiKey, dataDir, pid: child.pid!, stop };
  await stop();
  throw new Error(signal?.aborted ? 'Interrupted.' : `Herald did not start:\n${printed.slice(-10).join('\n')}`);
}

/** Resolves once the line that says so is there; `seen` is told of the lines before it. */
function readyLine(outputs: Readable[], seen: (line: string) => void): Promise<'ready'> {
  return new Promise((resolve) => {
    let isReady = false;
    for (const input of outputs) {
      createInterface({ input }).on('line', (line) => {
        if (line.includes(READY_LINE)) isReady = true;
        if (isReady) resolve('ready');
        else if (line.trim() !== '') seen(line);
      });
    }
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
