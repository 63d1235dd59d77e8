import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../chaos/freePort.ts';
import { newOrganisation } from '../support/api.ts';
import { type Caller, callerOf } from '../support/caller.ts';
import { type HeraldKind, type HeraldProcess, startHeraldProcess } from '../support/heraldProcess.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { createTestDatabase, type TestDatabase, uniqueName, workflowBundle } from '../support/stack.ts';
import { startTemporalCluster, type TemporalCluster } from '../support/temporalCluster.ts';
import { type Load, startLoad } from './load.ts';

const GRACE_MS = 10_000;
const EVENTS_A_SECOND = 60;

let database: TestDatabase;
let cluster: TemporalCluster;
let receiver: Receiver;
let caller: Caller;
let urls: string[];
let common: NodeJS.ProcessEnv;
/** Two API processes and two workers. */
const processes = new Map<string, HeraldProcess>();

beforeAll(async () => {
  database = await createTestDatabase();
  cluster = await startTemporalCluster({ postgresUrl: database.url, database: uniqueName('temporal') });
  receiver = await startReceiver();
  common = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: cluster.address,
    HERALD_SECRET_KEY: randomBytes(32).toString('hex'),
    HERALD_ALLOWED_DESTINATIONS: '127.0.0.1',
    HERALD_LOG_LEVEL: 'error',
    HERALD_SHUTDOWN_GRACE_MS: String(GRACE_MS),
    HERALD_WORKFLOW_BUNDLE: await workflowBundle(),
  };
  const ports = [await freePort(), await freePort()];
  urls = ports.map((port) => `http://127.0.0.1:${port}`);
  await Promise.all([start('worker 1'), start('worker 2'), start('api 1'), start('api 2')]);
  const { organisationId, key } = await newOrganisation(database.db);
  caller = callerOf(urls[0]!, organisationId, key);
}, 30 * 60_000);

afterAll(async () => {
  await Promise.all(Array.from(processes.values(), (each) => each.stop()));
  await receiver?.close();
  await cluster?.stop();
  await database?.close();
});

async function start(name: string): Promise<void> {
  const [kind, number] = name.split(' ') as [HeraldKind, string];
  const port = kind === 'api' ? { PORT: new URL(urls[Number(number) - 1]!).port } : {};
  processes.set(name, await startHeraldProcess(kind, { ...common, ...port }));
}

/** An agent whose every `Reported` goes to the receiver; answers its name. */
async function reportingAgent(name: string, integration: Record<string, unknown> = {}): Promise<string> {
  const agent = await caller.post('/v1/agents', { name });
  const { body } = await caller.post('/v1/integrations', { name, type: 'webhook', config: { url: receiver.url }, ...integration });
  const subscription = { mode: 'custom', rules: [{ event: 'Reported' }] };
  const bound = await caller.post(`/v1/agents/${agent.body.id}/notifications`, { integration_id: body.id, subscription });
  expect(bound.status).toBe(201);
  return name;
}

function reportTo(agentName: string): Load {
  return startLoad({ urls, key: caller.key, agentName, sessions: 8, rate: EVENTS_A_SECOND });
}

/** Messages about a session, by the id of their event. */
function arrivalsOf(session: string): Map<string, string[]> {
  const byEvent = new Map<string, string[]>();
  for (const { id, json } of receiver.received) {
    const { event_id: eventId, info } = json as { event_id: string; info: { execution_id: string } };
    if (info.execution_id === session) byEvent.set(eventId, [...(byEvent.get(eventId) ?? []), id]);
  }
  return byEvent;
}

/** Waits until everything accepted has arrived; answers how many messages came again, each under its own id. */
async function allArrived({ accepted }: Load): Promise<number> {
  const missing = () =>
    [...accepted].flatMap(([session, ids]) => {
      const arrived = arrivalsOf(session);
      return ids.filter((id) => !arrived.has(id));
    });
  await expect.poll(missing, { timeout: 60_000 }).toEqual([]);
  let again = 0;
  for (const [session, ids] of accepted) {
    const { body } = await caller.get(`/v1/sessions/${session}`);
    expect(body, session).toMatchObject({ last_seq: ids.length + 1, decided_seq: ids.length + 1 });
    for (const [eventId, copies] of arrivalsOf(session)) {
      expect(new Set(copies).size, `ids of ${session} ${eventId}`).toBe(1);
      again += copies.length - 1;
    }
  }
  return again;
}

/** Every event of these sessions has one decision, and one delivery. */
async function decidedOnce({ accepted }: Load): Promise<void> {
  for (const [id, ids] of accepted) {
    const rows = await database.db
      .selectFrom('deliveries as d')
      .innerJoin('sessions as s', 's.key', 'd.session_key')
      .select(['d.event_id as eventId', 'd.status'])
      .where('s.id', '=', id)
      .orderBy('d.seq')
      .execute();
    expect(rows.map(({ eventId, status }) => `${eventId} ${status}`), id).toEqual(ids.map((eventId) => `${eventId} delivered`));
  }
}

describe('two API processes and two workers', () => {
  it('that share sessions decide each event once and send each message once, in order', async () => {
    const load = reportTo(await reportingAgent('shared'));
    await sleep(5000);
    await load.finish();
    expect(load.faults).toEqual([]);
    expect(await allArrived(load)).toBe(0);
    await decidedOnce(load);
    for (const [session, ids] of load.accepted) expect([...arrivalsOf(session).keys()], session).toEqual(ids);
  });

  it('share the rate limit of a destination', async () => {
    const limit = { per_second: 10, burst: 5 };
    const load = reportTo(await reportingAgent('limited', { delivery: { rate_limit: limit } }));
    const before = receiver.received.length;
    await sleep(2000);
    await load.finish();
    expect(await allArrived(load)).toBe(0);
    const times = receiver.received.slice(before).map(({ at }) => at.getTime());
    const seconds = (times.at(-1)! - times[0]!) / 1000;
    // A message may be a little late, and the next one not. Without a common limit it would be twice as many.
    expect(times.length).toBeGreaterThan(60);
    expect(times.length).toBeLessThanOrEqual(1.2 * (limit.burst + limit.per_second * seconds));
    const aSecond = times.map((from, index) => times.slice(index).filter((at) => at < from + 1000).length);
    expect(Math.max(...aSecond)).toBeLessThanOrEqual(1.5 * (limit.burst + limit.per_second));
  });

  it('restarted one after the other under load lose nothing, refuse nothing and end in time', { timeout: 300_000 }, async () => {
    const load = reportTo(await reportingAgent('restarted'));
    await sleep(1000);
    const endings: Record<string, unknown> = {};
    for (const name of ['api 1', 'worker 1', 'api 2', 'worker 2']) {
      const { exitCode, tookMs } = await processes.get(name)!.stop();
      endings[name] = { exitCode, inTime: tookMs < GRACE_MS };
      await start(name);
      await sleep(1000);
    }
    await load.finish();
    expect(load.faults).toEqual([]);
    const inGoodOrder = { exitCode: 0, inTime: true };
    expect(load.repeated(), 'requests that came to a process which had ended').toBeGreaterThan(0);
    expect(endings).toEqual({ 'api 1': inGoodOrder, 'worker 1': inGoodOrder, 'api 2': inGoodOrder, 'worker 2': inGoodOrder });
    expect(await allArrived(load)).toBe(0);
    await decidedOnce(load);
  });

  it('of which one of each is killed under load lose nothing, and the others refuse nothing', async () => {
    const load = reportTo(await reportingAgent('killed'));
    await sleep(1000);
    for (const name of ['worker 1', 'api 1']) {
      await processes.get(name)!.kill();
      await sleep(1000);
    }
    await sleep(2000);
    await Promise.all([start('worker 1'), start('api 1')]);
    await load.finish();
    expect(load.faults).toEqual([]);
    await allArrived(load);
    await decidedOnce(load);
  });
});
