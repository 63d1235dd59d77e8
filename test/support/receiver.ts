import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSignedWith } from '../../activities/channels/signing.ts';
import type { Json } from '../../model/types.ts';
import { readBody, startLoopbackServer } from './loopbackServer.ts';

/** A request as it arrived; it is recorded before it is answered, if it is answered at all. */
export interface Received {
  /** `webhook-id`, or empty. */
  id: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body, parsed; null when it is no JSON. */
  json: Json;
  at: Date;
  signature: 'valid' | 'invalid' | 'missing' | 'unchecked';
}

/** What the receiver does with a request after recording it. */
export interface Behaviour {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** How long it takes to answer. */
  delayMs?: number;
  /** Never answers, or answers the status and never ends the body. */
  hang?: 'answer' | 'body';
  /** Resets the connection instead of answering: processed, but the sender cannot know. */
  reset?: boolean;
}

export interface ReceiverOptions {
  /** With secrets, every request's signature is verified. */
  secrets?: string[];
  /** For every request, or for each by its number (0, 1, 2 …). */
  behaviour?: Behaviour | ((received: Received, index: number) => Behaviour);
  port?: number;
}

export interface Receiver {
  url: string;
  port: number;
  /** In the order of arrival. */
  received: Received[];
  /** Secrets are known only once an integration exists. */
  verifyWith: (...secrets: string[]) => void;
  behave: (behaviour: ReceiverOptions['behaviour']) => void;
  /**
   * Waits for that many requests, or until the predicate holds.
   * @throws Error that tells what did arrive, after `timeoutMs` (default 10 s)
   */
  waitFor: (enough: number | ((received: Received[]) => boolean), timeoutMs?: number) => Promise<Received[]>;
  close: () => Promise<void>;
}

/** An endpoint that stands for a customer's. */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const received: Received[] = [];
  const arrivals = new EventTarget();
  let secrets = options.secrets ?? [];
  let behaviour = options.behaviour ?? {};

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const arrived = record(request, body, secrets);
    const index = received.push(arrived) - 1;
    arrivals.dispatchEvent(new Event('arrival'));
    await act(typeof behaviour === 'function' ? behaviour(arrived, index) : behaviour, response);
  }

  const server = await startLoopbackServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  }, options.port);

  return {
    url: server.url,
    port: server.port,
    received,
    verifyWith: (...expected) => {
      secrets = expected;
    },
    behave: (next = {}) => {
      behaviour = next;
    },
    async waitFor(enough, timeoutMs = 60_000) {
      const isEnough = typeof enough === 'number' ? () => received.length >= enough : () => enough(received);
      const timeout = AbortSignal.timeout(timeoutMs);
      while (!isEnough()) {
        await once(arrivals, 'arrival', { signal: timeout }).catch(() => {
          const ids = received.map(({ id, body }) => `${id} ${body.slice(0, 200)}`).join('\n');
          throw new Error(`waited ${timeoutMs} ms in vain; ${received.length} requests arrived:\n${ids}`);
        });
      }
      return received;
    },
    close: () => server.close(),
  };
}

function record(request: IncomingMessage, body: string, secrets: string[]): Received {
  const id = header(request, 'webhook-id');
  return {
    id,
    path: request.url ?? '',
    headers: request.headers,
    body,
    json: parse(body),
    at: new Date(),
    signature: checkSignature(request, id, body, secrets),
  };
}

function checkSignature(request: IncomingMessage, id: string, body: string, secrets: string[]): Received['signature'] {
  if (secrets.length === 0) return 'unchecked';
  const signatures = header(request, 'webhook-signature');
  if (signatures === '') return 'missing';
  const timestamp = Number(header(request, 'webhook-timestamp'));
  return secrets.some((secret) => isSignedWith(secret, signatures, id, timestamp, body)) ? 'valid' : 'invalid';
}

async function act(behaviour: Behaviour, response: ServerResponse): Promise<void> {
  const { status = 200, headers = {}, body = 'ok', delayMs, hang, reset } = behaviour;
  if (delayMs) await sleep(delayMs);
  if (reset) response.socket?.resetAndDestroy();
  if (reset || hang === 'answer') return;
  response.writeHead(status, headers);
  if (hang === 'body') response.write('begun');
  else response.end(body);
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}

function parse(body: string): Json {
  try {
    const parsed: Json = JSON.parse(body);
    return parsed;
  } catch {
    return null;
  }
}
