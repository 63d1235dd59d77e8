import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTemporal, type TemporalPart } from '../../embedded/temporal.ts';
import { UNTRIED_AT_ONCE } from '../../model/replay.ts';
import { listDeliveries } from '../../store/deliveries.ts';
import { createReplay, readReplay } from '../../store/replays/replays.ts';
import { readNow } from '../../store/replays/search.ts';
import { createReplayWorkflows } from '../../temporal/replays.ts';
import { type Engine, shortTimings, startEngine } from '../support/engine.ts';
import { event, startSession, until } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/workerProcess.ts';

const DEAD_LETTERS = 80;

const dataDir = mkdtempSync(path.join(tmpdir(), 'herald-replay-'));
const quiet = () => {};
let temporal: TemporalPart;
let engine: Engine;
let receiver: Receiver;
let worker: WorkerProcess;

const start = () => startTemporal({ dataDir, log: quiet, progress: quiet });

beforeAll(async () => {
  [temporal, receiver] = await Promise.all([start(), startReceiver()]);
  const timings = { send: { ...shortTimings.send, retrySchedule: [0] }, replays: { pauseMs: 200, graceMs: 2000 } };
  engine = await startEngine({ worker: false, temporalAddress: temporal.address, timings });
  worker = await startWorkerProcess(engine.settings);
});
afterAll(async () => {
  await worker?.kill();
  await engine?.close();
  await temporal?.stop();
  await receiver?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function killTemporal(): Promise<void> {
  process.kill(temporal.pid, 'SIGKILL');
  await temporal.ended;
}

async function delivered(replayId: string, count: number): Promise<void> {
  await until(async () => (await readReplay(engine.db, engine.organisationId, replayId))!.delivered >= count, `${count} messages of the replay to be delivered`, 40_000);
}

it('a replay whose worker and Temporal server are killed goes on where it was, and sends nothing twice that arrived', async () => {
  const { db, organisationId, client } = engine;
  receiver.behave({ status: 500 });
  const agent = await engine.agent('orders');
  const integrationId = await engine.webhook(receiver.url);
  await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  const session = await startSession(engine, { agents: [agent] });
  await session.append(...Array.from({ length: DEAD_LETTERS }, (_, index) => event(`e${index}`)));
  const dead = async () => (await listDeliveries(db, organisationId, { status: 'failed' }, { limit: 1000 })).items.map(({ id }) => id);
  await until(async () => (await dead()).length === DEAD_LETTERS, 'the dead letters');
  const ids = await dead();
  const before = receiver.received.length;
  receiver.behave({ delayMs: 100 });

  const scope = { organisationId, kind: 'failed' as const, integrationId, notificationId: null, sessionId: null, since: null, until: await readNow(db) };
  const replay = await createReplay(db, scope);
  // A short history, so that it continues as new on its way.
  await createReplayWorkflows(client, () => true, 20).start(replay);
  await delivered(replay.id, 30);
  await Promise.all([killTemporal(), worker.kill()]);
  temporal = await start();
  worker = await startWorkerProcess(engine.settings);

  await until(async () => (await readReplay(db, organisationId, replay.id))!.status === 'completed', 'the replay to end', 40_000);
  expect(await readReplay(db, organisationId, replay.id)).toMatchObject({ found: DEAD_LETTERS, started: DEAD_LETTERS, skipped: 0, delivered: DEAD_LETTERS, failed: 0 });
  const arrived = receiver.received.slice(before).map(({ id }) => id);
  expect(new Set(arrived)).toEqual(new Set(ids));
  // What was on its way when its worker was killed, and nothing else, may have come twice.
  expect(arrived.length - ids.length).toBeLessThanOrEqual(UNTRIED_AT_ONCE);
}, 120_000);
