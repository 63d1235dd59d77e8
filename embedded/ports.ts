import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './startError.ts';

/** Below the range from which operating systems take ports for outgoing connections. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** A connection of somebody else's may sit on a port for a moment, or our own predecessor while it ends. */
const RELEASE_WITHIN_MS = 3000;
const RELEASE_POLL_MS = 100;

/** Given to a part that is about to listen, so not to be given again by this process. */
const handedOut = new Set<number>();

/**
 * The port of a part of this installation: chosen once, noted in the data folder, and the same ever after, unless
 * another program has taken it meanwhile.
 */
export async function keptPort(dataDir: string, part: string, log: Log): Promise<number> {
  const kept = readPorts(dataDir)[part];
  if (kept !== undefined && (await becomesFree(kept))) return kept;
  const port = await freePort();
  if (kept !== undefined) log(`Port ${kept} is taken by another program: ${part} moves to ${port}.`);
  notePort(dataDir, part, port);
  return port;
}

/** Ports by part, as far as they were chosen. */
export function readPorts(dataDir: string): Record<string, number | undefined> {
  try {
    return JSON.parse(readFileSync(portsFile(dataDir), 'utf8')) as Record<string, number>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Whether one could listen on this port: on this machine's own address, or on all of them (`everywhere`). */
export async function isFree(port: number, where: 'here' | 'everywhere' = 'here'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, exclusive: true, ...(where === 'here' ? { host: '127.0.0.1' } : {}) }, () => server.close(() => resolve(true)));
  });
}

async function becomesFree(port: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs <= RELEASE_WITHIN_MS; waitedMs += RELEASE_POLL_MS) {
    if (await isFree(port)) return true;
    await sleep(RELEASE_POLL_MS);
  }
  return false;
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if (await isFree(port)) return port;
  }
}

function notePort(dataDir: string, part: string, port: number): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(portsFile(dataDir), `${JSON.stringify({ ...readPorts(dataDir), [part]: port }, undefined, 2)}\n`);
}

function portsFile(dataDir: string): string {
  return path.join(dataDir, 'ports.json');
}
