import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listDeliveries } from '../../store/deliveries.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, deliveryOf, type EngineSession, event, startSession } from '../support/engineSession.ts';
import { startHeraldProcess } from '../support/heraldProcess.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/workerProcess.ts';

let engine: Engine;
let receiver: Receiver;
let worker: WorkerProcess;

beforeAll(async () => {
  [engine, receiver] = await Promise.all([startEngine({ worker: false }), startReceiver()]);
  worker = await startWorkerProcess(engine.settings);
});
afterAll(async () => {
  await worker?.kill();
  await engine?.close();
  await receiver?.close();
});

async function restart(): Promise<void> {
  await worker.kill();
  worker = await startWorkerProcess(engine.settings);
}

async function reportingSession(): Promise<EngineSession> {
  const agent = await engine.agent(uniqueName('agent'));
  await engine.notify(agent.id, await engine.webhook(receiver.url), { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  return startSession(engine, { agents: [agent] });
}

async function allDelivered(session: EngineSession): Promise<void> {
  const unfinished = async () => {
    const { items } = await listDeliveries(engine.db, engine.organisationId, { sessionId: session.id }, { limit: 1000 });
    return items.filter(({ status }) => status !== 'delivered').map(({ eventId, status }) => `${eventId} ${status}`);
  };
  await expect.poll(unfinished).toEqual([]);
}

describe('a worker that is to end', () => {
  it('does so within its grace time although a destination hangs, and another worker sends the message under the same id', async () => {
    const graceMs = 6000;
    const { databaseUrl, temporal, secretKey, timings, workflowBundle } = engine.settings;
    await worker.kill();
    const ending = await startHeraldProcess('worker', {
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      HERALD_SECRET_KEY: secretKey,
      HERALD_ALLOWED_DESTINATIONS: '127.0.0.1',
      HERALD_SHUTDOWN_GRACE_MS: String(graceMs),
      HERALD_TIMINGS: JSON.stringify(timings),
      HERALD_WORKFLOW_BUNDLE: workflowBundle,
      HERALD_LOG_LEVEL: 'silent',
    });
    receiver.behave({ hang: 'answer' });
    const session = await reportingSession();
    await session.append(event('report'));
    await arrivedOf(receiver, session, 1);
    worker = await startWorkerProcess(engine.settings);
    receiver.behave({});
    const { exitCode, tookMs } = await ending.stop();
    expect(exitCode).toBe(0);
    expect(tookMs).toBeLessThan(graceMs);
    await allDelivered(session);
    const messages = await arrivedOf(receiver, session, 2);
    expect(new Set(messages.map(({ id }) => id))).toEqual(new Set([(await deliveryOf(engine, session, 'report')).id]));
    await session.append(event('later'));
    await allDelivered(session);
  });
});

describe('a worker that is killed', () => {
  it('after a message went out and before that was recorded has it sent again under the same id', async () => {
    receiver.behave({ hang: 'answer' });
    const session = await reportingSession();
    await session.append(event('report'));
    await arrivedOf(receiver, session, 1);
    receiver.behave({});
    await restart();
    await allDelivered(session);
    const messages = await arrivedOf(receiver, session, 2);
    const { id } = await deliveryOf(engine, session, 'report');
    expect(messages.map((message) => message.id)).toEqual([id, id]);
  });

  it('after decisions were recorded and before their messages went out has them sent', async () => {
    receiver.behave({ hang: 'answer' });
    const session = await reportingSession();
    // The second message waits for the first, which gets no answer.
    await session.append(event('first'), event('second'));
    await arrivedOf(receiver, session, 1);
    expect((await deliveryOf(engine, session, 'second')).status).toBe('pending');
    await worker.kill();
    receiver.behave({});
    expect((await arrivedOf(receiver, session, 0)).map(({ event_id }) => event_id)).toEqual(['first']);
    worker = await startWorkerProcess(engine.settings);
    await allDelivered(session);
    const arrived = new Set((await arrivedOf(receiver, session, 2)).map(({ event_id }) => event_id));
    expect(arrived).toEqual(new Set(['first', 'second']));
  });

  it('amid many events loses none and decides each once', async () => {
    receiver.behave({ delayMs: 5 });
    const session = await reportingSession();
    const ids = Array.from({ length: 90 }, (_, index) => `e${index}`);
    for (const [index, id] of ids.entries()) {
      await session.append(event(id, index % 3 === 0 ? 'Reported' : 'Logged'));
      if (index === 45) await restart();
    }
    await session.decided();
    await allDelivered(session);
    const wanted = ids.filter((_, index) => index % 3 === 0);
    const messages = await arrivedOf(receiver, session, wanted.length);
    expect(new Set(messages.map(({ event_id }) => event_id))).toEqual(new Set(wanted));
    expect(new Set(messages.map(({ id }) => id)).size).toBe(wanted.length);
    const decisions = await session.decisions();
    expect(decisions.filter(({ outcome }) => outcome === 'sent').map(({ event: id }) => id)).toEqual(wanted);
    expect(decisions).toHaveLength(ids.length + 1);
  }, 120_000);
});
