import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../model/types.ts';
import { readBody, startLoopbackServer } from '../support/loopbackServer.ts';
import type { Random } from './random.ts';

/** What the receiver does to the requests that the weather hits. `late`, `resetAfter` and `failAfter` have processed the message. */
export type Weather = 'calm' | 'fail' | 'hang' | 'reset' | 'slow' | 'late' | 'resetAfter' | 'failAfter';
const storms: readonly Weather[] = ['fail', 'hang', 'reset', 'slow', 'late', 'resetAfter', 'failAfter'];
const processing: ReadonlySet<Weather> = new Set<Weather>(['calm', 'slow', 'late', 'resetAfter', 'failAfter']);

/** A request that arrived whole. */
export interface Arrival {
  /** Milliseconds since the epoch. */
  at: number;
  /** When its answer was under way, or its connection gone. */
  endedAt: number;
  weather: Weather;
  /** The receiver has taken the message in, whatever it answers. */
  processed: boolean;
  /** The answer was a 2xx, and the sender was still there to take it. */
  acknowledged: boolean;
  /** Name of the notification. */
  notification: string;
  webhookId: string;
  signature: string;
  timestamp: number;
  text: string;
  body: JsonObject;
}

export interface ChaosReceiver {
  url: string;
  arrivals: Arrival[];
  /** Arrivals that the weather hit, by kind. */
  hits(): Record<string, number>;
  /** Lets the weather change until it is calmed for good. */
  startWeather(random: Random): void;
  calm(): void;
  close(): Promise<void>;
}

const CALM_SHARE = 0.4;

/** @param timeoutMs How long the senders wait for an answer. */
export async function startReceiver(timeoutMs: number, say: (line: string) => void): Promise<ChaosReceiver> {
  const arrivals: Arrival[] = [];
  const hits: Record<string, number> = {};
  let weather: Weather = 'calm';
  let share = 0;
  let chance: Random | undefined;
  let timer: NodeJS.Timeout | undefined;

  const server = await startLoopbackServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request);
    const hit = chance?.chance(share) ? weather : 'calm';
    const arrival = arrivalOf(request, text, hit);
    arrivals.push(arrival);
    if (hit !== 'calm') hits[hit] = (hits[hit] ?? 0) + 1;
    response.once('close', () => {
      arrival.endedAt = Date.now();
      arrival.acknowledged = response.writableFinished && response.statusCode < 300;
    });
    await answer(hit, response);
  }

  async function answer(hit: Weather, response: ServerResponse): Promise<void> {
    if (hit === 'hang') return;
    if (hit === 'slow') await sleep(timeoutMs * 0.6 * chance!.next());
    if (hit === 'late') await sleep(timeoutMs + 500);
    if (hit === 'reset' || hit === 'resetAfter') response.socket?.resetAndDestroy();
    else if (hit === 'fail' || hit === 'failAfter') refuse(response);
    else response.end('ok');
  }

  function refuse(response: ServerResponse): void {
    response.writeHead(chance!.pick([500, 502, 503, 429]), chance!.chance(0.3) ? { 'retry-after': '1' } : {});
    response.end('not now');
  }

  function change(random: Random): void {
    weather = random.chance(CALM_SHARE) ? 'calm' : random.pick(storms);
    share = weather === 'calm' ? 0 : random.pick([0.1, 0.5, 1]);
    if (weather !== 'calm') say(`receiver: ${weather} for ${share * 100} % of the messages`);
    timer = setTimeout(() => change(random), random.int(1500, 4000));
  }

  return {
    url: server.url,
    arrivals,
    hits: () => hits,
    startWeather(random) {
      chance = random;
      change(random);
    },
    calm() {
      clearTimeout(timer);
      share = 0;
    },
    close: () => server.close(),
  };
}

function arrivalOf(request: IncomingMessage, text: string, weather: Weather): Arrival {
  const header = (name: string) => String(request.headers[name] ?? '');
  const now = Date.now();
  return {
    at: now,
    endedAt: Infinity,
    weather,
    processed: processing.has(weather),
    acknowledged: false,
    notification: (request.url ?? '').slice(1),
    webhookId: header('webhook-id'),
    signature: header('webhook-signature'),
    timestamp: Number(header('webhook-timestamp')),
    text,
    body: parse(text),
  };
}

function parse(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}
