// A process of the bench: the endpoint that all webhooks go to. Lean, because it shares the machine with what is measured.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clockMs } from './clock.ts';
import { serveCommands } from './remote.ts';

/** What has arrived for the events of one run; event ids are `<run>.<number>`. */
export interface Arrivals {
  /** Numbers of the events, in the order of their first arrival. */
  events: Uint32Array;
  /** When each arrived first, on the machine's monotonic clock. */
  atMs: Float64Array;
  /** Requests, repeated ones included. */
  requests: number;
}

export type ReceiverCommands = {
  /** The port it listens on. */
  listen(host: string): Promise<number>;
  /** How many distinct messages of a run have arrived. */
  count(run: string): number;
  take(run: string): Arrivals;
};

interface Run {
  /** By `webhook-id`. */
  known: Set<string>;
  events: number[];
  atMs: number[];
  requests: number;
}

const runs = new Map<string, Run>();

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    record(String(request.headers['webhook-id']), eventIdIn(Buffer.concat(chunks).toString('latin1')), clockMs());
    response.writeHead(200, { 'content-length': 2 });
    response.end('ok');
  });
});

/** Cheaper than parsing the whole message. */
function eventIdIn(body: string): string {
  return /"event_id":"([^"]*)"/.exec(body)?.[1] ?? '';
}

function record(id: string, eventId: string, atMs: number): void {
  const dot = eventId.lastIndexOf('.');
  const run = runOf(eventId.slice(0, dot));
  run.requests += 1;
  if (run.known.has(id)) return;
  run.known.add(id);
  run.events.push(Number(eventId.slice(dot + 1)));
  run.atMs.push(atMs);
}

function runOf(name: string): Run {
  const run = runs.get(name) ?? { known: new Set(), events: [], atMs: [], requests: 0 };
  runs.set(name, run);
  return run;
}

const commands: ReceiverCommands = {
  listen: (host) => new Promise((resolve) => server.listen(0, host, () => resolve((server.address() as AddressInfo).port))),
  count: (name) => runOf(name).known.size,
  take(name) {
    const { events, atMs, requests } = runOf(name);
    runs.delete(name);
    return { events: Uint32Array.from(events), atMs: Float64Array.from(atMs), requests };
  },
};

serveCommands(commands);
