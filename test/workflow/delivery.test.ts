import { WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDelivery, readDelivery } from '../../store/deliveries.ts';
import { deleteIntegration, readIntegration } from '../../store/integrations.ts';
import { leaseDelivery } from '../../store/messages.ts';
import { arrivedOf, deliveryOf, type EngineSession, event, historyOf, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';
import { type Engine, shortTimings, startEngine } from '../support/engine.ts';

/** As long as a test may run: what comes earlier came for another reason. */
const MUCH_LATER = { status: 503, headers: { 'retry-after': '600' } };
const ON_REPORTED = { mode: 'custom' as const, rules: [{ event: 'Reported' }] };

let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  engine = await startEngine({ timings: { send: { ...shortTimings.send, retrySchedule: [0, 300, 400] } } });
});
afterAll(() => engine?.close());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

/** A session whose reports go to an endpoint. */
async function reportingSession(url = receiver.url, timeoutMs?: number): Promise<{ session: EngineSession; integrationId: string; agent: { id: string; name: string } }> {
  const agent = await engine.agent(uniqueName('agent'));
  const integrationId = await engine.webhook(url, timeoutMs === undefined ? {} : { timeoutMs });
  await engine.notify(agent.id, integrationId, { subscription: ON_REPORTED });
  return { session: await startSession(engine, { agents: [agent] }), integrationId, agent };
}

const read = async (id: string) => (await readDelivery(engine.db, engine.organisationId, id))!;
const statusOf = async (id: string) => (await read(id)).status;

/** The delivery of a report that the endpoint did not take at first, and its workflow. */
async function failedFirst(session: EngineSession) {
  await session.append(event('report'));
  await receiver.waitFor(1);
  await expect.poll(async () => (await deliveryOf(engine, session, 'report')).status).toBe('retrying');
  const delivery = await deliveryOf(engine, session, 'report');
  // It is started when the failure has been stored.
  await expect.poll(() => delivery.handle.describe().then(({ type }) => type, () => undefined)).toBe('delivery');
  return delivery;
}

describe('a message that did not arrive', () => {
  it('is retried by schedule under the same id until it does', async () => {
    receiver.behave((_, index) => ({ status: index < 2 ? 503 : 200 }));
    const { session } = await reportingSession();
    await session.append(event('report', 'Reported', { reason: 'timeout' }));
    const messages = await arrivedOf(receiver, session, 3);
    const { id, handle } = await deliveryOf(engine, session, 'report');
    expect(new Set(messages.map((message) => message.id))).toEqual(new Set([id]));
    expect(new Set(messages.map(({ info }) => info.payload.reason))).toEqual(new Set(['timeout']));
    await expect.poll(() => statusOf(id)).toBe('delivered');
    const { attempts } = await read(id);
    expect(attempts.map(({ number, ok, statusCode }) => [number, ok, statusCode])).toEqual([[1, false, 503], [2, false, 503], [3, true, 200]]);
    // The schedule's delays, less the jitter.
    const gaps = [1, 2].map((index) => attempts[index]!.startedAt.getTime() - attempts[index - 1]!.startedAt.getTime());
    expect(gaps[0]).toBeGreaterThanOrEqual(240);
    expect(gaps[1]).toBeGreaterThanOrEqual(320);
    expect(await handle.result()).toBe('delivered');
    expect((await handle.describe()).searchAttributes).toMatchObject({ HeraldDeliveryStatus: ['delivered'] });
  });

  it('is given up when its schedule is over', async () => {
    receiver.behave({ status: 500, body: 'no' });
    const { session } = await reportingSession();
    const { id, handle } = await failedFirst(session);
    expect(await handle.result()).toBe('failed');
    expect(await read(id)).toMatchObject({ status: 'failed', attemptCount: 3, lastError: 'answered 500 Internal Server Error', completedAt: expect.any(Date) });
  });

  it('is sent at once when somebody asks for it', async () => {
    receiver.behave((_, index) => (index === 0 ? MUCH_LATER : {}));
    const { session } = await reportingSession();
    const { handle, id } = await failedFirst(session);
    await handle.signal('retryNow');
    expect(await handle.result()).toBe('delivered');
    expect(await statusOf(id)).toBe('delivered');
  });

  it('is not sent any more when somebody cancels it', async () => {
    receiver.behave(MUCH_LATER);
    const { session } = await reportingSession();
    const { handle, id } = await failedFirst(session);
    await handle.signal('cancel', { reason: 'not wanted' });
    expect(await handle.result()).toBe('cancelled');
    expect(await read(id)).toMatchObject({ status: 'cancelled', lastError: 'not wanted', nextAttemptAt: null });
    expect(receiver.received).toHaveLength(1);
  });

  it('fails when its integration is deleted', async () => {
    receiver.behave(MUCH_LATER);
    const { session, integrationId } = await reportingSession();
    const { handle, id } = await failedFirst(session);
    await deleteIntegration(engine.db, engine.organisationId, integrationId, { force: true });
    await handle.signal('retryNow');
    expect(await handle.result()).toBe('failed');
    expect(await read(id)).toMatchObject({ lastError: 'The integration of this delivery was deleted.' });
  });

  it('disables an endpoint that is gone for good, and what follows is skipped', async () => {
    receiver.behave({ status: 410 });
    const { session, integrationId } = await reportingSession();
    await session.append(event('report'));
    await expect.poll(async () => (await readIntegration(engine.db, engine.organisationId, integrationId))?.enabled).toBe(false);
    await session.append(event('next'));
    await session.decided();
    expect((await session.decisions()).map(({ event: id, outcome }) => `${id} ${outcome}`).slice(1)).toEqual(['report sent', 'next disabled']);
    expect(await statusOf((await deliveryOf(engine, session, 'report')).id)).toBe('failed');
  });
});

describe("a delivery's workflow", () => {
  it('continues as a fresh run before its history grows long', async () => {
    const { session, integrationId } = await reportingSession();
    receiver.behave((_, index) => (index === 0 ? MUCH_LATER : {}));
    const { id, handle, organisation_id: organisationId, event_type: eventType } = await failedFirst(session);
    await handle.terminate('the test starts another one');
    await leaseDelivery(engine.db, id, { owner: 'somebody', ms: 3000 });
    await engine.workflows.startDelivery({ organisationId, deliveryId: id, integrationId, eventType, attemptsMade: 1, firstDelayMs: 600_000, maxHistoryEvents: 10 });
    const { runId } = await handle.describe();
    for (let tries = 0; tries < 5; tries += 1) {
      await handle.signal('retryNow');
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect(await handle.result()).toBe('delivered');
    expect((await handle.describe()).runId).not.toBe(runId);
    expect((await historyOf(handle)).failedTasks).toBe(0);
  });
});

describe('an endpoint that never answers', () => {
  it('holds up neither its session nor the other destinations', async () => {
    const silent = await startReceiver({ behaviour: { hang: 'answer' } });
    try {
      const { session, agent } = await reportingSession(silent.url, 3000);
      await engine.notify(agent.id, await engine.webhook(receiver.url), { subscription: ON_REPORTED });
      const other = await reportingSession();
      const ids = ['a', 'b', 'c', 'd'];
      for (const id of ids) await session.append(event(id));
      await session.decided();
      const begun = performance.now();
      await other.session.append(event('elsewhere'));
      await arrivedOf(receiver, other.session, 1);
      expect(performance.now() - begun).toBeLessThan(2000);
      const messages = await arrivedOf(receiver, session, 4);
      expect(messages.map(({ event_id }) => event_id)).toEqual(ids);
      silent.behave({});
      await expect.poll(async () => new Set((await arrivedOf(silent, session, 0)).map(({ event_id }) => event_id))).toEqual(new Set(ids));
    } finally {
      await silent.close();
    }
  });

  it('is waited for once, and not with every event of a session', async () => {
    const silent = await startReceiver({ behaviour: { hang: 'answer' } });
    try {
      const { session, agent } = await reportingSession(silent.url, 10_000);
      await engine.notify(agent.id, await engine.webhook(receiver.url), { subscription: ON_REPORTED });
      await session.append(event('first'));
      await arrivedOf(receiver, session, 1);
      const ids = ['second', 'third', 'fourth', 'fifth', 'sixth', 'seventh'];
      const begun = performance.now();
      for (const [index, id] of ids.entries()) {
        await session.append(event(id));
        await arrivedOf(receiver, session, index + 2);
      }
      // One after the other: a second for the first, next to nothing for the others.
      expect(performance.now() - begun).toBeLessThan(3000);
    } finally {
      await silent.close();
    }
  });

  it('holds up no other integration on the same host, however many of its messages hang', async () => {
    receiver.behave(({ path }) => (path === '/a' ? { hang: 'answer' } : {}));
    const agent = await engine.agent(uniqueName('agent'));
    await engine.notify(agent.id, await engine.webhook(`${receiver.url}/a`, { timeoutMs: 30_000 }), { subscription: ON_REPORTED });
    const sessions = await Promise.all(Array.from({ length: 72 }, () => startSession(engine, { agents: [agent] })));
    const other = await reportingSession(`${receiver.url}/b`, 30_000);
    await Promise.all(sessions.map((session) => session.append(event('report'))));
    await receiver.waitFor(72, 25_000);
    const begun = performance.now();
    await other.session.append(event('report'));
    await arrivedOf(receiver, other.session, 1);
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(receiver.received.filter(({ path }) => path === '/a').length).toBeGreaterThanOrEqual(72);
    // What waits for a slot in vain gets a workflow of its own.
    const { handle } = await deliveryOf(engine, other.session, 'report');
    await expect(handle.describe()).rejects.toBeInstanceOf(WorkflowNotFoundError);
  });

  it('leaves room for the retries of the others', async () => {
    const open = { now: 0, most: 0 };
    const silent = await startReceiver({
      behaviour: () => {
        open.now += 1;
        open.most = Math.max(open.most, open.now);
        return { hang: 'answer' };
      },
    });
    try {
      const { organisationId } = engine;
      const dead = await engine.webhook(silent.url, { timeoutMs: 30_000 });
      const alive = await engine.webhook(receiver.url);
      const send = (integrationId: string) => createTestDelivery(engine.db, { organisationId, integrationId, eventType: 'ExecutionFailed', event: {} });
      await Promise.all(Array.from({ length: 40 }, () => send(dead)));
      await silent.waitFor(16, 20_000);
      const { id } = await send(alive);
      await receiver.waitFor((received) => received.some((message) => message.id === id), 10_000);
      expect(open.most).toBe(16);
    } finally {
      await silent.close();
    }
  });
});

describe('a worker that is stopped', () => {
  it('finishes what it is sending', async () => {
    receiver.behave({ delayMs: 1500 });
    const { session } = await reportingSession();
    await session.append(event('report'));
    await receiver.waitFor(1);
    await engine.stopWorker();
    expect((await deliveryOf(engine, session, 'report')).status).toBe('delivered');
    await engine.startWorker();
  });
});

describe('a delivery that nobody works on', () => {
  it('is found and sent', async () => {
    const integrationId = await engine.webhook(receiver.url);
    const { id } = await createTestDelivery(engine.db, {
      organisationId: engine.organisationId,
      integrationId,
      eventType: 'ExecutionFailed',
      event: { reason: 'an example' },
    });
    const [message] = await receiver.waitFor(1, 25_000);
    expect(message).toMatchObject({ id, headers: { 'herald-test': 'true' }, json: { info: { payload: { reason: 'an example' }, test: true } } });
    await expect.poll(() => statusOf(id)).toBe('delivered');
  });
});
