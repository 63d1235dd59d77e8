import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { defaultSendTimings } from '../../activities/index.ts';
import { shortTimings, startEngine } from './engine.ts';
import type { Engine } from './engineOn.ts';
import { event, startSession, until } from './engineSession.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { uniqueName } from './stack.ts';

/** How endpoints that are not good behave; each gets a message for every event of the mixed sessions. */
export const BAD = ['slow', 'failing', 'limited', 'hanging'] as const;
export const GOOD = 16;
/** Sessions of each kind; their events come in turn. */
const SESSIONS = 4;
/** What the limited endpoint takes in a second. */
const LIMIT = 5;

/** Sessions that tell good endpoints alone, and sessions that tell the same good ones and all the bad ones. */
export interface DeliveryMix {
  engine: Engine;
  /**
   * Reports events to the sessions of one kind, evenly spread. Answers how long each took to reach each good endpoint,
   * in milliseconds.
   */
  report(kind: 'alone' | 'mixed', events: number, gapMs: number): Promise<number[]>;
  /** Resolves when every delivery has ended. */
  ended(): Promise<void>;
  close(): Promise<void>;
}

export async function startDeliveryMix(): Promise<DeliveryMix> {
  const [engine, receiver] = await Promise.all([startEngine({ timings: { send: { ...shortTimings.send, listenMs: defaultSendTimings.listenMs, retrySchedule: [0, 300] } } }), startReceiver()]);
  receiver.behave(limitedBehaviour());
  const good = await Promise.all(Array.from({ length: GOOD }, (_, index) => engine.webhook(`${receiver.url}/good/${index}`)));
  const bad = [
    await engine.webhook(`${receiver.url}/slow`),
    await engine.webhook(`${receiver.url}/failing`),
    await engine.webhook(`${receiver.url}/limited`, { delivery: { retry_schedule_s: Array<number>(8).fill(0.3) } }),
    await engine.webhook(`${receiver.url}/hanging`, { timeoutMs: 800 }),
  ];
  const sessions = { alone: await sessionsOf(engine, good), mixed: await sessionsOf(engine, [...good, ...bad]) };
  let turn = 0;

  return {
    engine,
    async report(kind, events, gapMs) {
      const reported = new Map<string, number>();
      for (let index = 0; index < events; index += 1) {
        turn += 1;
        const id = uniqueName('report');
        reported.set(id, Date.now());
        await sessions[kind][turn % SESSIONS]!.append(event(id));
        await sleep(gapMs);
      }
      const arrivals = () => goodArrivals(receiver, reported);
      await receiver.waitFor(() => arrivals().length >= events * GOOD, 20_000);
      return arrivals();
    },
    ended: () =>
      until(async () => {
        const { rows } = await sql<{ open: number }>`select count(*) as open from deliveries where status in ('pending', 'retrying')`.execute(engine.db);
        return rows[0]?.open === 0;
      }, 'every delivery to end'),
    async close() {
      await engine.close();
      await receiver.close();
    },
  };
}

async function sessionsOf(engine: Engine, integrationIds: string[]) {
  const agent = await engine.agent(uniqueName('agent'));
  for (const id of integrationIds) await engine.notify(agent.id, id, { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  return Promise.all(Array.from({ length: SESSIONS }, () => startSession(engine, { agents: [agent] })));
}

/** Latencies of what was reported, as far as it has arrived at good endpoints. */
function goodArrivals(receiver: Receiver, reported: Map<string, number>): number[] {
  const first = new Map<string, number>();
  for (const { path, json, at } of receiver.received) {
    if (!path.startsWith('/good')) continue;
    const { event_id: id } = json as { event_id: string };
    const begun = reported.get(id);
    const key = `${path} ${id}`;
    if (begun !== undefined && !first.has(key)) first.set(key, at.getTime() - begun);
  }
  return Array.from(first.values());
}

function limitedBehaviour() {
  const taken: number[] = [];
  return ({ path, at }: { path: string; at: Date }) => {
    if (path === '/slow') return { delayMs: 500 };
    if (path === '/failing') return { status: 500 };
    if (path === '/hanging') return { hang: 'answer' as const };
    if (path !== '/limited') return {};
    const now = at.getTime();
    if (taken.filter((time) => time > now - 1000).length >= LIMIT) return { status: 429, headers: { 'retry-after': '1' } };
    taken.push(now);
    return {};
  };
}
