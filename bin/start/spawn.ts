import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const START = fileURLToPath(new URL('../start.ts', import.meta.url));
/** The Temporal server may have to be built first. */
const READY_WITHIN_MS = 30 * 60_000;
const STOP_WITHIN_MS = 60_000;
const READY_LINE = 'Herald is ready';

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
 * @param say Told what it prints while it starts.
 * @throws Error with its own words when it does not start.
 */
export async function spawnHerald(say: (line: string) => void, env: NodeJS.ProcessEnv = {}): Promise<SpawnedHerald> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'herald-'));
  const apiKey = randomUUID();
  const port = await freePort();
  const child = spawn(process.execPath, [START], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, PORT: String(port), HERALD_DATA_DIR: dataDir, HERALD_API_KEY: apiKey, HERALD_PUBLIC_URL: '', ...env },
  });
  const exited = once(child, 'exit');
  const printed: string[] = [];
  const ready = new Promise<'ready'>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
          printed.push(line);
          say(line);
          if (line.includes(READY_LINE)) resolve('ready');
        }
      });
    }
  });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const forced = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      await exited;
      clearTimeout(forced);
    }
    rmSync(dataDir, { recursive: true, force: true });
  };
  const timeout = AbortSignal.timeout(READY_WITHIN_MS);
  const outcome = await Promise.race([ready, exited.then(() => 'ended' as const), once(timeout, 'abort').then(() => 'late' as const)]);
  if (outcome === 'ready') return { url: `http://localhost:${port}`, apiKey, dataDir, pid: child.pid!, stop };
  await stop();
  throw new Error(`Herald did not start:\n${printed.slice(-10).join('\n')}`);
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
