import { afterAll, beforeAll, expect, it } from 'vitest';
import { listDeliveries, readDelivery } from '../../store/deliveries.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { deliveryOf, event, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/workerProcess.ts';

let engine: Engine;
let receiver: Receiver;
let worker: WorkerProcess;

beforeAll(async () => {
  [engine, receiver] = await Promise.all([startEngine({ worker: false }), startReceiver({ behaviour: { status: 500 } })]);
  worker = await startWorkerProcess(engine.settings);
});
afterAll(async () => {
  await worker?.kill();
  await engine?.close();
  await receiver?.close();
});

it('a schedule goes on where it was when its worker is killed in the middle: no attempt too many, none too early, none forgotten', async () => {
  const agent = await engine.agent('agent');
  const integrationId = await engine.webhook(receiver.url, { delivery: { retry_schedule_s: [0.2, 3, 3600] } });
  await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  const session = await startSession(engine, { agents: [agent] });
  await session.append(event('report'));
  await receiver.waitFor(2);
  const { id, handle } = await deliveryOf(engine, session, 'report');
  await expect.poll(async () => (await readDelivery(engine.db, engine.organisationId, id))?.attemptCount).toBe(2);
  // Killed before the workflow knows of the attempt, it would be asked again only after the activity's 60 s.
  await expect.poll(async () => (await handle.describe()).raw.pendingActivities ?? []).toEqual([]);

  await worker.kill();
  worker = await startWorkerProcess(engine.settings);

  await receiver.waitFor(3, 25_000);
  await expect.poll(async () => (await readDelivery(engine.db, engine.organisationId, id))?.attemptCount).toBe(3);
  const { attempts, status, nextAttemptAt } = (await readDelivery(engine.db, engine.organisationId, id))!;
  const gap = (index: number) => attempts[index]!.startedAt.getTime() - attempts[index - 1]!.startedAt.getTime();
  expect(gap(2)).toBeGreaterThanOrEqual(2400);
  expect(status).toBe('retrying');
  expect(nextAttemptAt!.getTime() - Date.now()).toBeGreaterThan(0.8 * 3_600_000 - 10_000);
  expect(receiver.received).toHaveLength(3);
});

it('a dead letter is found by its status and its integration, with every attempt and the reason', async () => {
  const agent = await engine.agent('another agent');
  const integrationId = await engine.webhook(receiver.url, { delivery: { retry_schedule_s: [0.1, 0.1] } });
  await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  const session = await startSession(engine, { agents: [agent] });
  await session.append(event('report'));
  const deadLetters = async () => (await listDeliveries(engine.db, engine.organisationId, { status: 'failed', integrationId }, { limit: 10 })).items;
  await expect.poll(deadLetters).toMatchObject([{ eventId: 'report', attemptCount: 3, lastError: 'answered 500 Internal Server Error' }]);
});

it('retries are spread by ±20 %, after a first attempt and after later ones', async () => {
  const agent = await engine.agent('spread agent');
  const reports = { subscription: { mode: 'custom' as const, rules: [{ event: 'Reported' }] } };
  const schedules = [[1000], [0.1, 1000]];
  for (const retry_schedule_s of schedules) await engine.notify(agent.id, await engine.webhook(receiver.url, { delivery: { retry_schedule_s } }), reports);
  const session = await startSession(engine, { agents: [agent] });
  await session.append(...Array.from({ length: 10 }, (_, index) => event(`e${index}`)));
  const waiting = async () => (await listDeliveries(engine.db, engine.organisationId, { sessionId: session.id }, { limit: 100 })).items.filter(({ nextAttemptAt }) => nextAttemptAt && nextAttemptAt.getTime() > Date.now() + 60_000);
  await expect.poll(async () => (await waiting()).length).toBe(20);
  const shares = new Map<number, number[]>();
  for (const { id, attemptCount } of await waiting()) {
    const { attempts, nextAttemptAt } = (await readDelivery(engine.db, engine.organisationId, id))!;
    const last = attempts.at(-1)!;
    const delayMs = nextAttemptAt!.getTime() - last.startedAt.getTime() - last.durationMs;
    shares.set(attemptCount, [...(shares.get(attemptCount) ?? []), delayMs / 1_000_000]);
  }
  expect(new Set(shares.keys())).toEqual(new Set([1, 2]));
  for (const [attempts, ofThem] of shares) {
    expect(ofThem, `after attempt ${attempts}`).toHaveLength(10);
    expect(Math.min(...ofThem), `after attempt ${attempts}`).toBeGreaterThanOrEqual(0.799);
    // The delay counts from when the attempt was recorded, a moment after its end.
    expect(Math.max(...ofThem), `after attempt ${attempts}`).toBeLessThanOrEqual(1.21);
    expect(Math.max(...ofThem) - Math.min(...ofThem), `after attempt ${attempts}`).toBeGreaterThan(0.05);
  }
});

it.each([
  ['a redirect', { status: 307, headers: { location: 'https://elsewhere.example.com/' } }, 'answered 307 Temporary Redirect: redirects are not followed; set the url to where it leads'],
  ['a connection that is reset', { reset: true }, /^connection reset by 127\.0\.0\.1:\d+ before it answered$/],
  ['no answer in time', { hang: 'answer' as const }, /did not answer within 0\.2 s$/],
])('%s is a failure that is retried', async (_, behaviour, reason) => {
  const endpoint = await startReceiver({ behaviour });
  const agent = await engine.agent(`agent of ${endpoint.port}`);
  const integrationId = await engine.webhook(endpoint.url, { delivery: { retry_schedule_s: [0.1], timeout_s: 0.2 } });
  await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  const session = await startSession(engine, { agents: [agent] });
  await session.append(event('report'));
  await expect.poll(async () => (await deliveryOf(engine, session, 'report')).status).toBe('failed');
  await endpoint.close();
  const { id } = await deliveryOf(engine, session, 'report');
  const { attempts } = (await readDelivery(engine.db, engine.organisationId, id))!;
  expect(attempts).toHaveLength(2);
  for (const { ok, error } of attempts) expect([ok, error]).toEqual([false, expect.stringMatching(reason)]);
});

it.each([
  ['a host that does not exist', 'http://no-such-host.invalid/', 2, /does not exist|cannot be looked up/],
  ['a refused connection', 'http://127.0.0.1:9/', 2, /^connection refused by 127\.0\.0\.1:9$/],
  ['a forbidden address', 'http://169.254.169.254/latest/', 1, /169\.254\.169\.254 is a link-local address/],
])('%s: %s ends after %i attempt(s), with the reason', async (_, url, count, reason) => {
  const agent = await engine.agent(`agent of ${url}`);
  const integrationId = await engine.webhook(url, { delivery: { retry_schedule_s: [0.1] } });
  await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  const session = await startSession(engine, { agents: [agent] });
  await session.append(event('report'));
  await expect.poll(async () => (await deliveryOf(engine, session, 'report')).status).toBe('failed');
  const { attempt_count: attempts, last_error: error } = await deliveryOf(engine, session, 'report');
  expect([attempts, error]).toEqual([count, expect.stringMatching(reason)]);
});
