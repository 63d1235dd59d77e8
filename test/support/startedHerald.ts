import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** A `npm start` of a test's own (without npm, so that its process id is known). */
export interface StartedHerald {
  child: ChildProcess;
  /** What it has printed so far. */
  output: () => string;
  /** Waits until it is ready; throws with its output when it ends before. */
  ready: () => Promise<void>;
  /** Ends it with a signal and waits for the end. */
  end: (signal: NodeJS.Signals) => Promise<number | null>;
}

export function startHerald(env: { PORT: string; HERALD_DATA_DIR: string } & Record<string, string>): StartedHerald {
  const child = spawn(process.execPath, ['bin/start.ts'], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? '', ...env },
    // The channel ends it should the tests be killed.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let text = '';
  const ended = once(child, 'close').then(() => child.exitCode);
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ready = async () => {
    const seen = new Promise<'ready'>((resolve) => {
      child.stdout?.on('data', () => text.includes('Herald is ready') && resolve('ready'));
    });
    if ((await Promise.race([seen, ended])) !== 'ready') throw new Error(`Herald ended while starting:\n${text}`);
  };
  return {
    child,
    output: () => text,
    ready,
    end: async (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs `npm start` until it ends by itself and answers what it said. */
export async function startInVain(env: Parameters<typeof startHerald>[0]): Promise<string> {
  const herald = startHerald(env);
  await once(herald.child, 'close');
  return herald.output();
}

export function newDataDir(): string {
  return path.join(mkdtempSync(path.join(tmpdir(), 'herald-start-')), 'data');
}

/** A port nobody listens on at the moment. */
export async function unusedPort(): Promise<number> {
  const server = createServer();
  server.listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
