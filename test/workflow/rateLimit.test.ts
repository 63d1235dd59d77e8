import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { updateIntegration } from '../../store/integrations.ts';
import { type RunningWorker, startWorker } from '../../worker/worker.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, deliveryOf, type EngineSession, event, historyOf, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

const ON_REPORTED = { mode: 'custom' as const, rules: [{ event: 'Reported' }] };

let engine: Engine;
let secondWorker: RunningWorker;
let limited: Receiver;
let free: Receiver;

beforeAll(async () => {
  engine = await startEngine();
  secondWorker = await startWorker(engine.settings, pino({ level: 'silent' }));
});
afterAll(async () => {
  secondWorker?.stop();
  await secondWorker?.done;
  await engine?.close();
});
beforeEach(async () => {
  [limited, free] = await Promise.all([startReceiver(), startReceiver()]);
});
afterEach(() => Promise.all([limited.close(), free.close()]));

/** Sessions whose reports go to both endpoints. */
async function reportingSessions(count: number, limit: { per_second: number; burst: number }): Promise<{ sessions: EngineSession[]; integrationId: string }> {
  const agent = await engine.agent(uniqueName('agent'));
  const integrationId = await engine.webhook(limited.url, { delivery: { rate_limit: limit } });
  for (const id of [integrationId, await engine.webhook(free.url)]) await engine.notify(agent.id, id, { subscription: ON_REPORTED });
  return { sessions: await Promise.all(Array.from({ length: count }, () => startSession(engine, { agents: [agent] }))), integrationId };
}

const healthOf = (integrationId: string) =>
  engine.db.selectFrom('integration_health').select(['paused_until', 'pause_ms']).where('integration_id', '=', integrationId).executeTakeFirstOrThrow();

const reports = (count: number) => Array.from({ length: count }, (_, index) => event(`e${index}`));

describe('a rate limit', () => {
  it('holds over all workers and sessions, and nothing is lost or sent twice', async () => {
    const { sessions } = await reportingSessions(6, { per_second: 10, burst: 4 });
    await Promise.all(sessions.map((session) => session.append(...reports(5))));
    await limited.waitFor(30, 15_000);
    expect(new Set(limited.received.map(({ id }) => id)).size).toBe(30);
    const times = limited.received.map(({ at }) => at.getTime());
    // Four at once and ten a second then; a request may be late by what the machine takes, and the next is not.
    for (let first = 0; first + 15 < times.length; first += 1) expect(times[first + 15]! - times[first]!).toBeGreaterThan(12 * 100 - 500);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(26 * 100 - 200);
    expect(limited.received.length).toBe(30);
  });

  it('keeps the order of a session, and holds up neither the session nor its other destinations', async () => {
    const { sessions: [session] } = await reportingSessions(1, { per_second: 2, burst: 1 });
    const begun = performance.now();
    await session!.append(...reports(6));
    await session!.decided();
    await arrivedOf(free, session!, 6);
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(limited.received.length).toBeLessThanOrEqual(4);
    const messages = await arrivedOf(limited, session!, 6);
    expect(messages.map(({ event_id }) => event_id)).toEqual(reports(6).map(({ id }) => id));
    expect(performance.now() - begun).toBeGreaterThan(2400);
  });

  it('is waited for by a timer with a reserved turn, and one attempt is enough', async () => {
    const { sessions: [session], integrationId } = await reportingSessions(1, { per_second: 0.5, burst: 1 });
    await session!.append(...reports(3));
    await session!.decided();
    await expect.poll(async () => (await deliveryOf(engine, session!, 'e2', integrationId)).turn_at).toBeInstanceOf(Date);
    const { turn_at: turnAt, next_attempt_at: nextAttemptAt, attempt_count: attempts, handle } = await deliveryOf(engine, session!, 'e2', integrationId);
    expect([nextAttemptAt, attempts]).toEqual([turnAt, 0]);
    const [, , third] = await arrivedOf(limited, session!, 3);
    expect(third!.event_id).toBe('e2');
    expect(Math.abs(limited.received[2]!.at.getTime() - turnAt!.getTime())).toBeLessThan(1000);
    expect(await handle.result()).toBe('delivered');
    expect((await deliveryOf(engine, session!, 'e2', integrationId)).attempt_count).toBe(1);
    // Started, one timer, one attempt: nothing asked in between.
    expect((await historyOf(handle)).events).toBeLessThan(20);
  }, 120_000);

  it('that is lifted does not hold up what comes then', async () => {
    const { sessions: [session], integrationId } = await reportingSessions(1, { per_second: 0.01, burst: 1 });
    await session!.append(...reports(3));
    await session!.decided();
    await updateIntegration(engine.db, engine.organisationId, integrationId, () => ({ delivery: { rate_limit: null } }));
    await session!.append(event('later'));
    const messages = await arrivedOf(limited, session!, 2);
    expect(messages.map(({ event_id }) => event_id)).toEqual(['e0', 'later']);
  });
});

describe('a destination that asks for a pause', () => {
  it('gets nothing of any session until it is over, and others are not held up', async () => {
    limited.behave((_, index) => (index === 0 ? { status: 429, headers: { 'retry-after': '3' } } : {}));
    const agent = await engine.agent(uniqueName('agent'));
    const integrationId = await engine.webhook(limited.url);
    for (const id of [integrationId, await engine.webhook(free.url)]) await engine.notify(agent.id, id, { subscription: ON_REPORTED });
    const [first, ...others] = await Promise.all([1, 2, 3, 4].map(() => startSession(engine, { agents: [agent] })));
    await first!.append(event('asks'));
    await expect.poll(async () => (await deliveryOf(engine, first!, 'asks', integrationId)).status).toBe('retrying');
    // The other worker has to have heard of it, too.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await Promise.all(others.map((session) => session.append(event('waits'))));
    await free.waitFor(4);
    expect(limited.received).toHaveLength(1);
    await limited.waitFor(5);
    const gaps = limited.received.slice(1).map(({ at }) => at.getTime() - limited.received[0]!.at.getTime());
    for (const gap of gaps) expect(gap).toBeGreaterThan(2900);
    for (const session of others) expect((await deliveryOf(engine, session, 'waits', integrationId)).attempt_count).toBeLessThanOrEqual(1);
  }, 120_000);

  it.each([502, 504])('by answering %i gets one that doubles, is noted and holds for other messages of all workers', async (status) => {
    limited.behave((_, index) => (index < 3 ? { status } : {}));
    const agent = await engine.agent(uniqueName('agent'));
    const integrationId = await engine.webhook(limited.url, { delivery: { retry_schedule_s: [0.1, 0.1] } });
    await engine.notify(agent.id, integrationId, { subscription: ON_REPORTED });
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => startSession(engine, { agents: [agent] })));
    await first!.append(event('fails'));
    await expect.poll(async () => (await deliveryOf(engine, first!, 'fails')).status, { timeout: 20_000 }).toBe('failed');
    await expect.poll(async () => (await healthOf(integrationId)).pause_ms).toBe(4000);
    const { paused_until: pausedUntil } = await healthOf(integrationId);
    const [asked, again, last] = limited.received.map(({ at }) => at.getTime());
    expect(again! - asked!).toBeGreaterThan(950);
    expect(last! - again!).toBeGreaterThan(1950);
    // The other worker has to have heard of it, too.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await Promise.all(others.map((session) => session.append(event('waits'))));
    await limited.waitFor(5);
    for (const { at } of limited.received.slice(3)) expect(at.getTime()).toBeGreaterThanOrEqual(pausedUntil!.getTime() - 100);
    for (const session of others) {
      await expect.poll(async () => (await deliveryOf(engine, session, 'waits')).status).toBe('delivered');
      expect((await deliveryOf(engine, session, 'waits')).attempt_count).toBe(1);
    }
  }, 120_000);

  it('for more than there is patience for gets an hour at most, and its message waits for ten', async () => {
    limited.behave({ status: 503, headers: { 'retry-after': '999999' } });
    const agent = await engine.agent(uniqueName('agent'));
    const integrationId = await engine.webhook(limited.url);
    await engine.notify(agent.id, integrationId, { subscription: ON_REPORTED });
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('report'));
    await expect.poll(async () => (await deliveryOf(engine, session, 'report')).status).toBe('retrying');
    const hoursUntil = (time: Date | null) => (time!.getTime() - Date.now()) / 3_600_000;
    expect(hoursUntil((await deliveryOf(engine, session, 'report')).next_attempt_at)).toBeCloseTo(10, 1);
    await expect.poll(async () => hoursUntil((await healthOf(integrationId)).paused_until)).toBeCloseTo(1, 1);
  });

  it('is asked all the same for a message that somebody wants to go out now', async () => {
    limited.behave((_, index) => (index === 0 ? { status: 503, headers: { 'retry-after': '600' } } : {}));
    const agent = await engine.agent(uniqueName('agent'));
    await engine.notify(agent.id, await engine.webhook(limited.url), { subscription: ON_REPORTED });
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('first'));
    await expect.poll(async () => (await deliveryOf(engine, session, 'first')).status).toBe('retrying');
    await session.append(event('second'));
    await session.decided();
    await expect.poll(async () => (await deliveryOf(engine, session, 'second')).next_attempt_at?.getTime()).toBeGreaterThan(Date.now() + 500_000);
    const { handle } = await deliveryOf(engine, session, 'second');
    await handle.signal('retryNow');
    await limited.waitFor(2);
    expect(await handle.result()).toBe('delivered');
  });
});
