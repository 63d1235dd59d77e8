import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UNTRIED_AT_ONCE } from '../../model/replay.ts';
import type { AnswerBody, Caller } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

let herald: EngineApi;
let receiver: Receiver;
let caller: Caller;

beforeAll(async () => {
  const timings = { send: { patienceMs: 400, leaseMs: 8000, leaseMarginMs: 1000, attemptLeaseMs: 6000, retrySchedule: [0] } };
  [herald, receiver] = await Promise.all([startEngineApi({ timings }), startReceiver()]);
  caller = await herald.newCaller();
});
afterAll(async () => {
  await herald?.close();
  await receiver?.close();
});
beforeEach(() => receiver.behave({ status: 200 }));

interface Bound {
  agentId: string;
  integrationId: string;
  notificationId: string;
}

/** An agent whose `Reported` events go to a path of their own at the receiver. */
async function boundAgent(delivery: Record<string, unknown> = {}): Promise<Bound & { path: string }> {
  const path = `/${uniqueName('hook')}`;
  const agent = await caller.post('/v1/agents', { name: uniqueName('agent') });
  const integration = await caller.post('/v1/integrations', { name: 'hook', type: 'webhook', config: { url: receiver.url.replace(/\/$/, '') + path }, delivery });
  const notificationId = await notify(agent.body.id, integration.body.id);
  return { agentId: agent.body.id, integrationId: integration.body.id, notificationId, path };
}

async function notify(agentId: string, integrationId: string, more: Record<string, unknown> = {}): Promise<string> {
  const body = { integration_id: integrationId, subscription: { mode: 'custom', rules: [{ event: 'Reported' }] }, ...more };
  return (await caller.post(`/v1/agents/${agentId}/notifications`, body)).body.id;
}

/** A session in which the agent reports so many times. */
async function reports(agentId: string, count: number, id = uniqueName('session')): Promise<string> {
  await caller.post('/v1/sessions', { id, agent_id: agentId });
  const events = Array.from({ length: count }, (_, index) => ({ id: `${id}-${index}`, type: 'Reported', number: index }));
  for (let from = 0; from < count; from += 50) await caller.post(`/v1/sessions/${id}/events`, { events: events.slice(from, from + 50) });
  return id;
}

async function deliveries(query: string): Promise<AnswerBody[]> {
  return (await caller.get(`/v1/deliveries?limit=200&${query}`)).body.data;
}

function expectStatuses(query: string, count: number, status: string): Promise<void> {
  return expect.poll(async () => (await deliveries(query)).filter((delivery) => delivery.status === status).length, { timeout: 25_000 }).toBe(count);
}

/** What is decided after a notification was created goes through it anyway, and is no past event to it. */
async function everythingDecided(): Promise<void> {
  const undecided = herald.engine.db.selectFrom('session_progress').select('session_key').whereRef('decided_seq', '<', 'last_seq');
  await expect.poll(() => undecided.execute()).toEqual([]);
}

/** An integration with so many dead letters, whose endpoint works again. */
async function withDeadLetters(count: number, delivery: Record<string, unknown> = {}): Promise<Bound & { path: string; since: string }> {
  const bound = await boundAgent(delivery);
  const since = new Date(Date.now() - 60_000).toISOString();
  receiver.behave((received) => ({ status: received.path === bound.path ? 500 : 200 }));
  await reports(bound.agentId, count);
  await expectStatuses(`integration_id=${bound.integrationId}`, count, 'failed');
  receiver.behave({ status: 200 });
  return { ...bound, since };
}

async function startReplay(body: Record<string, unknown>): Promise<string> {
  const answer = await caller.post('/v1/replays', body);
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 202, body: { status: 'running' } });
  return answer.body.id;
}

async function ended(id: string): Promise<AnswerBody> {
  await expect.poll(async () => (await caller.get(`/v1/replays/${id}`)).body.status, { timeout: 25_000 }).not.toBe('running');
  return (await caller.get(`/v1/replays/${id}`)).body;
}

function workflowOf(replayId: string): WorkflowHandle {
  return herald.engine.client.workflow.getHandle(`replay/${replayId}`);
}

/** What a person reads of a replay in the Temporal UI, in Markdown. */
async function shownInTemporal(replayId: string): Promise<string> {
  const { currentDetails } = await workflowOf(replayId).query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return currentDetails;
}

/** How often each message arrived at a path since the receiver had so many. */
function arrivals(path: string, since = 0): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { id, path: at } of receiver.received.slice(since)) if (at === path) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

describe('dead letters', () => {
  test('are sent again, each once and with its webhook-id, and the replay says how far it is', async () => {
    const { integrationId, path, since } = await withDeadLetters(15);
    const before = receiver.received.length;
    const dry = await caller.post('/v1/replays', { kind: 'failed', integration_id: integrationId, since, dry_run: true });
    expect(dry).toMatchObject({ status: 200, body: { dry_run: true, found: 15, complete: true } });
    const id = await startReplay({ kind: 'failed', integration_id: integrationId, since });
    expect(await ended(id)).toMatchObject({ status: 'completed', searched: true, found: 15, started: 15, skipped: 0, delivered: 15, failed: 0, error: null });
    const ids = (await deliveries(`replay_id=${id}`)).map((delivery) => delivery.id);
    expect(Object.fromEntries(arrivals(path, before))).toEqual(Object.fromEntries(ids.map((delivery) => [delivery, 1])));
    const again = await startReplay({ kind: 'failed', integration_id: integrationId, since });
    expect(await ended(again)).toMatchObject({ status: 'completed', found: 0 });
    expect((await caller.get(`/v1/replays?integration_id=${integrationId}`)).body.data.map((replay) => replay.id)).toEqual([again, id]);
  });

  test('that fail again have gone through the whole schedule again', async () => {
    const { integrationId, path, since } = await withDeadLetters(1, { retry_schedule_s: [0.1] });
    receiver.behave((received) => ({ status: received.path === path ? 500 : 200 }));
    const id = await startReplay({ kind: 'failed', integration_id: integrationId, since });
    expect(await ended(id)).toMatchObject({ status: 'completed', found: 1, started: 1, delivered: 0, failed: 1 });
    const [delivery] = await deliveries(`replay_id=${id}`);
    const { attempts } = (await caller.get(`/v1/deliveries/${delivery!.id}`)).body as unknown as { attempts: { number: number; ok: boolean }[] };
    expect(attempts.map(({ number, ok }) => [number, ok])).toEqual([[1, false], [2, false], [3, false], [4, false]]);
  });

  test('are not sent twice by two replays at once', async () => {
    const { integrationId, path, since } = await withDeadLetters(30);
    const before = receiver.received.length;
    receiver.behave({ delayMs: 50 });
    const body = { kind: 'failed', integration_id: integrationId, since };
    const ids = await Promise.all([startReplay(body), startReplay(body)]);
    const [one, other] = await Promise.all(ids.map(ended));
    expect(one).toMatchObject({ status: 'completed', failed: 0 });
    expect(other).toMatchObject({ status: 'completed', failed: 0 });
    expect(Array.from(arrivals(path, before).values())).toEqual(Array<number>(30).fill(1));
  });

  test('go out a few at a time, so that what is new does not wait for them', async () => {
    const { agentId, integrationId, path, since } = await withDeadLetters(40);
    const before = receiver.received.length;
    receiver.behave((received) => (received.path === path ? { delayMs: 250 } : {}));
    const id = await startReplay({ kind: 'failed', integration_id: integrationId, since });
    await receiver.waitFor((all) => all.slice(before).filter((each) => each.path === path).length > 5);
    const begun = Date.now();
    const session = await reports(agentId, 1);
    const isNew = ({ json }: { json: unknown }) => (json as { info: { execution_id: string } }).info.execution_id === session;
    await receiver.waitFor((all) => all.some(isNew));
    expect(Date.now() - begun).toBeLessThan(2000);
    expect((await caller.get(`/v1/replays/${id}`)).body.status).toBe('running');
    expect(await ended(id)).toMatchObject({ delivered: 40 });
    const replayed = receiver.received.slice(before).filter((each) => each.path === path && !isNew(each)).map((each) => each.at.getTime());
    const atOnce = replayed.map((at) => replayed.filter((other) => other >= at && other < at + 200).length);
    expect(Math.max(...atOnce)).toBeLessThanOrEqual(UNTRIED_AT_ONCE);
  });

  test.each<[string, (id: string) => Promise<void>]>([
    [
      'through the API',
      async (id) => {
        expect((await caller.post(`/v1/replays/${id}/cancel`)).body).toMatchObject({ status: 'cancelled', id });
        expect(await workflowOf(id).result()).toBe('cancelled');
      },
    ],
    [
      'in the Temporal UI',
      async (id) => {
        await workflowOf(id).cancel();
        await expect(workflowOf(id).result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
      },
    ],
  ])('of a replay that is cancelled %s stay where they are, and what is under way arrives', async (_, cancel) => {
    const { integrationId, path, since } = await withDeadLetters(30);
    const before = receiver.received.length;
    receiver.behave({ delayMs: 1000 });
    const id = await startReplay({ kind: 'failed', integration_id: integrationId, since });
    await receiver.waitFor((all) => all.length > before);
    await cancel(id);
    expect((await caller.get(`/v1/replays/${id}`)).body).toMatchObject({ status: 'cancelled', completed_at: expect.any(String) as string });
    expect(await caller.post(`/v1/replays/${id}/cancel`)).toMatchObject({ status: 409, body: { current_status: 'cancelled' } });
    expect(await shownInTemporal(id)).toContain('**Status** cancelled');
    expect((await workflowOf(id).describe()).searchAttributes).toMatchObject({ HeraldStatus: ['cancelled'] });
    const { started } = (await caller.get(`/v1/replays/${id}`)).body as unknown as { started: number };
    expect(started).toBeLessThanOrEqual(UNTRIED_AT_ONCE * 2);
    await expect.poll(async () => (await caller.get(`/v1/replays/${id}`)).body.delivered).toBe(started);
    await expectStatuses(`integration_id=${integrationId}`, 30 - started, 'failed');
    expect(arrivals(path, before).size).toBe(started);
  });

  test('show how far their replay is while it runs, in the API and in the Temporal UI', async () => {
    const { integrationId, since } = await withDeadLetters(6);
    await caller.patch(`/v1/integrations/${integrationId}`, { delivery: { retry_schedule_s: [3600] } });
    const waiting = (await deliveries(`integration_id=${integrationId}`)).slice(0, 2).map((delivery) => delivery.id);
    receiver.behave((received) => ({ status: waiting.includes(received.id) ? 500 : 200 }));
    const id = await startReplay({ kind: 'failed', integration_id: integrationId, since });
    const progress = { status: 'running', searched: true, found: 6, started: 6, skipped: 0, delivered: 4, failed: 0, completed_at: null };
    await expect.poll(async () => (await caller.get(`/v1/replays/${id}`)).body).toMatchObject(progress);
    await expect.poll(() => shownInTemporal(id)).toContain('**Started** 6: 4 delivered, 0 failed, 0 cancelled, 2 under way');
    expect(await shownInTemporal(id)).toContain('**Status** running');
    expect(await workflowOf(id).describe()).toMatchObject({
      status: { name: 'RUNNING' },
      memo: { replay: id, kind: 'failed', integration: integrationId },
      searchAttributes: { HeraldStatus: ['running'], HeraldIntegration: [integrationId] },
    });
    await caller.post(`/v1/replays/${id}/cancel`);
    await expect.poll(() => shownInTemporal(id)).toContain('**Status** cancelled');
  });

  test('are never on their way twice when somebody retries them by hand while a replay sends them', async () => {
    const delayMs = 300;
    const { integrationId, path, since } = await withDeadLetters(20);
    const ids = (await deliveries(`integration_id=${integrationId}`)).map((delivery) => delivery.id);
    const before = receiver.received.length;
    receiver.behave({ delayMs });
    const id = await startReplay({ kind: 'failed', integration_id: integrationId, since });
    const answers: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const all = await Promise.all(ids.map((delivery) => caller.post(`/v1/deliveries/${delivery}/retry`)));
      answers.push(...all.map(({ status }) => status));
    }
    await expectStatuses(`integration_id=${integrationId}`, 20, 'delivered');
    expect(await ended(id)).toMatchObject({ status: 'completed', failed: 0, cancelled: 0 });
    expect(new Set(answers)).toEqual(new Set([202, 409]));
    expect(arrivals(path, before).size).toBe(20);
    for (const delivery of ids) {
      const at = receiver.received.slice(before).filter((received) => received.id === delivery).map((received) => received.at.getTime());
      // Timers end up to a millisecond early.
      for (const [index, time] of at.entries()) if (index > 0) expect(time - at[index - 1]!, delivery).toBeGreaterThanOrEqual(delayMs - 2);
    }
  });

  test('end their replay when the integration is disabled meanwhile', async () => {
    const { integrationId, since } = await withDeadLetters(20);
    receiver.behave({ status: 410 });
    const id = await startReplay({ kind: 'failed', integration_id: integrationId, since });
    expect(await ended(id)).toMatchObject({ status: 'failed', error: expect.stringMatching(/disabled.*410.*Enable it/) as string });
    expect(await caller.post('/v1/replays', { kind: 'failed', integration_id: integrationId, since })).toMatchObject({ status: 409 });
  });

  test('can be followed in the Temporal UI', async () => {
    const { integrationId, since } = await withDeadLetters(3);
    const id = await startReplay({ kind: 'failed', integration_id: integrationId, since });
    await ended(id);
    expect(await workflowOf(id).result()).toBe('completed');
    expect(await shownInTemporal(id)).toContain('3 delivered, 0 failed');
    const { memo, searchAttributes } = await workflowOf(id).describe();
    expect(memo).toEqual({ replay: id, kind: 'failed', integration: integrationId });
    expect(searchAttributes).toMatchObject({ HeraldStatus: ['completed'], HeraldIntegration: [integrationId] });
  });
});

describe('what was skipped while an integration was disabled', () => {
  test('is sent once it is enabled again, and stays decided as it was', async () => {
    const { agentId, integrationId, notificationId, path } = await boundAgent();
    const wanted = { kind: 'disabled', integration_id: integrationId, since: new Date(Date.now() - 60_000).toISOString() };
    await caller.patch(`/v1/integrations/${integrationId}`, { enabled: false });
    const session = await reports(agentId, 12);
    const decided = async () => (await caller.get(`/v1/sessions/${session}/decisions?notification_id=${notificationId}&limit=200`)).body.data as unknown as { decision: string; reason: string }[];
    const disabled = async () => (await decided()).filter(({ reason }) => reason === 'disabled').length;
    await expect.poll(disabled).toBe(12);
    expect(await caller.post('/v1/replays', wanted)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('Enable it') as string } });
    await caller.patch(`/v1/integrations/${integrationId}`, { enabled: true });
    const [first, second] = await Promise.all([startReplay(wanted), startReplay(wanted)]);
    await Promise.all([ended(first), ended(second)]);
    expect(Array.from(arrivals(path).values())).toEqual(Array<number>(12).fill(1));
    expect(await disabled()).toBe(12);
    expect(await caller.post('/v1/replays', { ...wanted, dry_run: true })).toMatchObject({ body: { found: 0 } });
  });

  test('stays unsent where the notification itself is disabled, and where the event has reached the destination', async () => {
    const { agentId, integrationId, notificationId, path } = await boundAgent();
    const unwanted = await notify(agentId, integrationId, { enabled: false });
    await reports(agentId, 3);
    await expectStatuses(`integration_id=${integrationId}`, 3, 'delivered');
    const wanted = { kind: 'disabled', integration_id: integrationId, since: new Date(Date.now() - 60_000).toISOString() };
    const found = async (more = {}) => (await caller.post('/v1/replays', { ...wanted, ...more, dry_run: true })).body.found;
    expect(await found()).toBe(0);
    await caller.patch(`/v1/notifications/${unwanted}`, { enabled: true });
    expect(await found()).toBe(0);
    await caller.patch(`/v1/notifications/${notificationId}`, { enabled: false });
    await caller.patch(`/v1/notifications/${unwanted}`, { enabled: false });
    const session = await reports(agentId, 2);
    await expect.poll(async () => (await caller.get(`/v1/sessions/${session}/decisions`)).body.data.length).toBeGreaterThanOrEqual(4);
    await caller.patch(`/v1/notifications/${unwanted}`, { enabled: true });
    expect(await found()).toBe(2);
    expect(await found({ notification_id: notificationId })).toBe(0);
    expect(arrivals(path).size).toBe(3);
  });
});

describe('an integration that Herald disabled', () => {
  test('is warned of at its first dead letter, and once it is enabled again two replays bring whatever it missed', async () => {
    const { agentId, integrationId, notificationId, path } = await boundAgent({ retry_schedule_s: [0.1], disable_after_s: 3 });
    const since = new Date(Date.now() - 60_000).toISOString();
    const { integrationId: operations, path: operationsPath } = await boundAgent();
    const rules = ['IntegrationFailing', 'IntegrationDisabled'].map((name) => ({ event: name }));
    await notify(agentId, operations, { subscription: { mode: 'custom', rules } });
    const told = () =>
      receiver.received
        .filter((each) => each.path === operationsPath)
        .map(({ json }) => (json as unknown as { info: { event: string; payload: { integration_id: string } } }).info)
        .filter(({ payload }) => payload.integration_id === integrationId)
        .map(({ event }) => event);
    receiver.behave((received) => ({ status: received.path === path ? 500 : 200 }));

    const reported: string[] = [await reports(agentId, 1)];
    await expect.poll(told).toEqual(['INTEGRATION_FAILING']);
    const isEnabled = async () => (await caller.get(`/v1/integrations/${integrationId}`)).body.enabled;
    while (await isEnabled()) {
      reported.push(await reports(agentId, 1));
      const given = `session_id=${reported.at(-1)}&integration_id=${integrationId}&status=failed`;
      await expect.poll(async () => (await deliveries(given)).length === 1 || !(await isEnabled())).toBe(true);
    }
    await expect.poll(told).toEqual(['INTEGRATION_FAILING', 'INTEGRATION_DISABLED']);
    const disabled = await caller.get(`/v1/integrations/${integrationId}`);
    expect(disabled.body).toMatchObject({ disabled_reason: expect.stringMatching(/^No message has arrived for/) as string, health: { status: 'disabled' } });

    const missed = await reports(agentId, 3);
    const reasons = async () => (await caller.get(`/v1/sessions/${missed}/decisions?notification_id=${notificationId}`)).body.data.map(({ reason }) => reason);
    await expect.poll(async () => (await reasons()).filter((reason) => reason === 'disabled').length).toBe(3);
    expect((await deliveries(`session_id=${missed}&integration_id=${integrationId}`)).length).toBe(0);

    const before = receiver.received.length;
    receiver.behave({ status: 200 });
    await caller.patch(`/v1/integrations/${integrationId}`, { enabled: true });
    for (const kind of ['failed', 'disabled']) {
      expect(await ended(await startReplay({ kind, integration_id: integrationId, since })), kind).toMatchObject({ status: 'completed', failed: 0 });
    }
    const recovered = receiver.received.slice(before).filter((each) => each.path === path);
    const eventIds = recovered.map(({ json }) => (json as unknown as { event_id: string }).event_id);
    expect(eventIds.toSorted()).toEqual([...reported.map((id) => `${id}-0`), ...[0, 1, 2].map((number) => `${missed}-${number}`)].toSorted());
    expect(await reasons()).toEqual(expect.arrayContaining(['disabled', 'disabled', 'disabled']));
    expect((await caller.get(`/v1/integrations/${integrationId}`)).body).toMatchObject({ enabled: true, disabled_reason: null, health: { status: 'healthy' } });
  });
});

describe('past events', () => {
  const later = async (agentId: string, more: Record<string, unknown> = {}) => {
    const { integrationId, path } = await boundAgent();
    await everythingDecided();
    return { notificationId: await notify(agentId, integrationId, more), path, integrationId };
  };
  const numbersAt = (path: string) =>
    receiver.received.filter((each) => each.path === path).map(({ json }) => (json as unknown as { info: { payload: { number: number } } }).info.payload.number);

  test('go through a notification that was created later, by its filters', async () => {
    const { agentId } = await boundAgent();
    const session = await reports(agentId, 30);
    await reports(agentId, 5);
    const filters = [{ field: 'number', operator: 'greater_than', value: 19 }];
    const { notificationId, path } = await later(agentId, { subscription: { mode: 'custom', rules: [{ event: 'Reported', filters }] } });
    const id = await startReplay({ kind: 'events', notification_id: notificationId, session_id: session });
    expect(await ended(id)).toMatchObject({ status: 'completed', found: 10, delivered: 10, session_id: session, since: null });
    expect(numbersAt(path).toSorted((a, b) => a - b)).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
  });

  test('of all sessions of its agent go out, each with the metadata that held when it happened', async () => {
    const { agentId } = await boundAgent();
    const sessions = [await reports(agentId, 1), await reports(agentId, 1)];
    for (const session of sessions) {
      await caller.post('/v1/sessions', { id: session, agent_id: agentId, metadata: { team: session === sessions[0] ? 'payments' : 'other' } });
      await caller.post(`/v1/sessions/${session}/events`, { events: [{ id: `${session}-late`, type: 'Reported', number: 99 }] });
    }
    const foreign = await boundAgent();
    await reports(foreign.agentId, 2);
    const all = await later(agentId);
    const payments = await later(agentId, { metadata_filter: { team: 'payments' } });
    await ended(await startReplay({ kind: 'events', notification_id: all.notificationId }));
    await ended(await startReplay({ kind: 'events', notification_id: payments.notificationId }));
    expect(numbersAt(all.path).toSorted((a, b) => a - b)).toEqual([0, 0, 99, 99]);
    expect(numbersAt(payments.path)).toEqual([99]);
  });

  test('that have reached the destination already do not go there again, nor do those outside of the time', async () => {
    const { agentId, integrationId, notificationId } = await boundAgent();
    await reports(agentId, 4);
    await expectStatuses(`integration_id=${integrationId}`, 4, 'delivered');
    const twin = await notify(agentId, integrationId);
    for (const notification_id of [notificationId, twin]) {
      expect((await caller.post('/v1/replays', { kind: 'events', notification_id, dry_run: true })).body).toMatchObject({ found: 0, complete: true });
    }
    const { notificationId: other } = await later(agentId);
    const found = async (times: Record<string, string>) => (await caller.post('/v1/replays', { kind: 'events', notification_id: other, dry_run: true, ...times })).body.found;
    expect(await found({})).toBe(4);
    expect(await found({ until: '2020-01-01T00:00:00Z' })).toBe(0);
    expect(await found({ since: new Date(Date.now() - 60_000).toISOString() })).toBe(4);
  });
});

describe('a request for a replay', () => {
  test('is told what is wrong with it', async () => {
    const { integrationId, notificationId } = await boundAgent();
    const other = await boundAgent();
    const since = '2026-03-14T12:00:00Z';
    const refused = async (body: unknown) => {
      const answer = await caller.post('/v1/replays', body);
      return [answer.status, answer.body.field ?? null, answer.body.detail];
    };
    expect(await refused({})).toEqual([400, 'kind', 'kind: must be one of: failed, disabled, events']);
    expect(await refused({ kind: 'failed', integration_id: integrationId })).toEqual([400, 'since', 'since: is required']);
    expect(await refused({ kind: 'failed', integration_id: integrationId, since: 'yesterday' })).toEqual([400, 'since', expect.stringContaining('ISO 8601')]);
    expect(await refused({ kind: 'failed', integration_id: integrationId, since: '2999-01-01' })).toEqual([400, 'since', 'since: must be before now']);
    expect(await refused({ kind: 'failed', integration_id: integrationId, since, until: since })).toEqual([400, 'since', 'since: must be before until']);
    expect(await refused({ kind: 'failed', integration_id: 'int_unknown', since })).toEqual([404, null, expect.any(String)]);
    expect(await refused({ kind: 'failed', integration_id: integrationId, since, session_id: 'x' })).toEqual([400, 'session_id', expect.any(String)]);
    expect(await refused({ kind: 'failed', integration_id: integrationId, since, notification_id: other.notificationId })).toEqual([400, 'notification_id', expect.any(String)]);
    expect(await refused({ kind: 'events', notification_id: notificationId, session_id: 'unknown' })).toEqual([404, null, expect.any(String)]);
    expect((await caller.get(`/v1/replays?integration_id=${integrationId}`)).body.data).toEqual([]);
  });

  test('that is repeated with its idempotency key starts nothing more', async () => {
    const { integrationId, since } = await withDeadLetters(1);
    const key = { 'Idempotency-Key': uniqueName('key') };
    const body = { kind: 'failed', integration_id: integrationId, since };
    const [first, second] = [await caller.post('/v1/replays', body, key), await caller.post('/v1/replays', body, key)];
    expect(second.body).toEqual(first.body);
    expect((await caller.get(`/v1/replays?integration_id=${integrationId}`)).body.data).toHaveLength(1);
    await ended(first.body.id);
  });
});
