import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSession as startAgentopsSession, post, withKey, withToken } from '../support/api.ts';
import type { AnswerBody, Caller } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { arrivedOf } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

let api: EngineApi;
let receiver: Receiver;
let caller: Caller;

beforeAll(async () => {
  [api, receiver] = await Promise.all([startEngineApi(), startReceiver()]);
  caller = await reportingCaller();
});
afterAll(async () => {
  await api?.close();
  await receiver?.close();
});

/** An organisation whose agent `refunds` tells the receiver of everything. */
async function reportingCaller(): Promise<Caller> {
  const one = await api.newCaller();
  const agent = await one.post('/v1/agents', { name: 'refunds' });
  const webhook = await one.post('/v1/integrations', { name: 'all', type: 'webhook', config: { url: receiver.url } });
  await one.post(`/v1/agents/${agent.body.id}/notifications`, { integration_id: webhook.body.id, subscription: { mode: 'all' } });
  return one;
}

async function startSession(timeouts?: object, by = caller) {
  const id = uniqueName('session');
  await by.post('/v1/sessions', { id, agent_name: 'refunds', ...(timeouts ? { timeouts } : {}) });
  const path = `/v1/sessions/${id}`;
  return {
    id,
    send: (name: string, body: unknown = {}) => by.post(`${path}/${name}`, body),
    report: (...events: object[]) => by.post(`${path}/events`, { events }),
    read: async () => (await by.get(path)).body,
    status: async () => (await by.get(path)).body.status,
    change: (changed: object) => by.patch(path, { timeouts: changed }),
    /** Type and payload of the stored events after the first, oldest first. */
    async events(): Promise<[string, AnswerBody][]> {
      const { data } = (await by.get(`${path}/events`)).body;
      return data.filter(({ silent }) => silent === false).map(({ type, payload }): [string, AnswerBody] => [type as string, payload as AnswerBody]).toReversed().slice(1);
    },
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('timeouts', () => {
  const defaults = { idle_s: 86_400, max_duration_s: null, pause_s: null, confirmation_s: 86_400, on_confirmation_timeout: 'reject', remind_before_s: 3600 };

  it('of an organisation hold for the sessions that start from then on', async () => {
    const other = await reportingCaller();
    const before = await startSession(undefined, other);
    expect((await other.get('/v1/organisation')).body).toMatchObject({ id: other.organisationId, timeouts: defaults });
    const changed = await other.patch('/v1/organisation', { timeouts: { idle_s: null, pause_s: 7200, on_confirmation_timeout: 'approve' } });
    expect(changed.body.timeouts).toEqual({ ...defaults, idle_s: null, pause_s: 7200, on_confirmation_timeout: 'approve' });
    const session = await startSession({ pause_s: 60 }, other);
    expect((await session.read()).timeouts).toEqual({ ...defaults, idle_s: null, pause_s: 60, on_confirmation_timeout: 'approve' });
    expect((await before.read()).timeouts).toEqual(defaults);
    expect((await startSession().then((mine) => mine.read())).timeouts).toEqual(defaults);
    const asked = await session.send('confirmations', { message: 'Refund?' });
    expect(asked.body).toMatchObject({ on_timeout: 'approve' });
  });

  it('that make no sense are refused, and name the field', async () => {
    expect((await caller.patch('/v1/organisation', { timeouts: { idle_s: 0 } })).body).toMatchObject({ status: 400, field: 'timeouts.idle_s' });
    expect((await caller.post('/v1/sessions', { id: 'x', timeouts: { idle: 5 } })).body).toMatchObject({ status: 400, field: 'timeouts.idle' });
    const session = await startSession();
    expect((await session.change({ on_confirmation_timeout: 'ignore' })).body).toMatchObject({ status: 400, field: 'timeouts.on_confirmation_timeout' });
    expect((await caller.patch('/v1/sessions/unknown', { timeouts: {} })).status).toBe(404);
  });

  it('can be set through AgentOps, whose route keeps what it cannot read', async () => {
    const [set, odd] = [uniqueName('session'), uniqueName('session')];
    await startAgentopsSession({ url: api.url, key: caller.key }, { id: set, timeouts: { idle_s: 60 } });
    await startAgentopsSession({ url: api.url, key: caller.key }, { id: odd, timeouts: 'none' });
    expect((await caller.get(`/v1/sessions/${set}`)).body).toMatchObject({ timeouts: { idle_s: 60 }, details: {} });
    expect((await caller.get(`/v1/sessions/${odd}`)).body).toMatchObject({ timeouts: { idle_s: 86_400 }, details: { timeouts: 'none' } });
  });
});

describe('a silent agent', () => {
  it('has its session cancelled; what it reports afterwards is kept and told, but ends nothing again', async () => {
    const id = uniqueName('session');
    const jwt = await startAgentopsSession({ url: api.url, key: caller.key }, { id, agent_name: 'refunds', timeouts: { idle_s: 1 } });
    const status = async () => (await caller.get(`/v1/sessions/${id}`)).body.status;
    await expect.poll(status).toBe('cancelled');
    const [, cancelled] = await arrivedOf(receiver, { id }, 2);
    expect(cancelled!.info).toMatchObject({ event: 'EXECUTION_CANCELLED', payload: { reason: 'no_activity', outcome: 'cancelled', timed_out: 'idle' } });

    await post(`${api.url}/v2/create_events`, { events: [{ type: 'llm', id: 'late' }] }, withToken(jwt));
    await post(`${api.url}/v2/update_session`, { session: { id, end_timestamp: '2026-01-01T00:00:00Z', end_state: 'Success' } }, { ...withToken(jwt), ...withKey(caller.key) });
    const messages = await arrivedOf(receiver, { id }, 3);
    expect(messages.map(({ info }) => info.event).slice(2)).toEqual(['EXECUTION_STEP_STARTED']);
    const decisions = `/v1/sessions/${id}/decisions`;
    await expect.poll(async () => (await caller.get(decisions)).body.data[0]).toMatchObject({ event_type: 'ExecutionCompleted', reason: 'already_ended' });
    expect(await status()).toBe('cancelled');
    expect((await caller.get(`/v1/sessions/${id}`)).body.end_state).toBe('Success');
  });

  it('is one that reports nothing: each event gives it the whole time again', async () => {
    const session = await startSession({ idle_s: 2 });
    const begun = performance.now();
    for (let step = 0; step < 4; step += 1) {
      await sleep(700);
      await session.report({ type: 'llm' });
    }
    expect(performance.now() - begun).toBeGreaterThan(2700);
    expect(await session.status()).toBe('running');
    await expect.poll(session.status).toBe('cancelled');
    expect((await session.events()).map(([type]) => type).at(-1)).toBe('ExecutionCancelled');
  });

  it('is not heard of when somebody changes its timeouts', async () => {
    const session = await startSession({ idle_s: 3 });
    const begun = performance.now();
    while (performance.now() - begun < 6000 && (await session.status()) !== 'cancelled') {
      await session.change({ pause_s: 60 });
      await sleep(500);
    }
    expect(await session.status()).toBe('cancelled');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(2500);
  });

  it('whose timeout is shortened has been silent since its last report', async () => {
    const session = await startSession({ idle_s: 3600 });
    await sleep(1500);
    const changedAt = performance.now();
    await session.change({ idle_s: 2 });
    await expect.poll(session.status).toBe('cancelled');
    expect(performance.now() - changedAt).toBeLessThan(1900);
  });

  it('is heard of when it gives its events ids like those of commands and time-outs, and stops no command and no time-out with them', async () => {
    const session = await startSession({ idle_s: 2 });
    const ids = ['command:r 1', 'timer:idle:2', 'timer:idle:3', 'timer:idle:4'];
    for (const id of ids) {
      await sleep(700);
      await session.report({ type: 'EXECUTION_STEP_STARTED', id }, { type: 'EXECUTION_STEP_STARTED', id });
    }
    expect(await session.status()).toBe('running');
    expect((await session.send('messages', { message: 'Are you there?', request_id: 'r 1' })).body).toMatchObject({ status: 'running', event_id: 'command:r 1', seq: 6 });
    await expect.poll(session.status).toBe('cancelled');
    expect((await session.events()).map(([type]) => type)).toEqual([...ids.map(() => 'ExecutionStepStarted'), 'UserMessageReceived', 'ExecutionCancelled']);
  });

  it('whose session has an id like that of a command is noticed all the same', async () => {
    const id = `command:${uniqueName('session')}`;
    await caller.post('/v1/sessions', { id, agent_name: 'refunds', timeouts: { idle_s: 1 } });
    await expect.poll(async () => (await caller.get(`/v1/sessions/${encodeURIComponent(id)}`)).body.status).toBe('cancelled');
  });

  it('is not one that is paused or waits for an answer; going on gives it the whole time again', async () => {
    const [paused, asking] = [await startSession(), await startSession()];
    await paused.send('pause');
    await asking.send('confirmations', { message: 'Refund?' });
    await Promise.all([paused, asking].map((session) => session.change({ idle_s: 1 })));
    await sleep(1500);
    expect([await paused.status(), await asking.status()]).toEqual(['paused', 'awaiting_confirmation']);
    const resumed = await paused.send('resume');
    expect(resumed.body.status).toBe('running');
    await expect.poll(paused.status).toBe('cancelled');
    const [resumedAt, cancelledAt] = (await caller.get(`/v1/sessions/${paused.id}/events`)).body.data
      .slice(0, 2)
      .toReversed()
      .map(({ received_at }) => Date.parse(received_at as string));
    expect(cancelledAt! - resumedAt!).toBeGreaterThanOrEqual(1000);
  });
});

describe('time that is over', () => {
  it('cancels a session that takes too long, whatever it does', async () => {
    const session = await startSession({ max_duration_s: 1 });
    await session.send('pause');
    await expect.poll(session.status).toBe('cancelled');
    expect((await session.events()).at(-1)).toEqual(['ExecutionCancelled', { reason: 'timeout', outcome: 'cancelled', timed_out: 'max_duration' }]);
  });

  it('cancels a session that is paused too long, after a reminder', async () => {
    const session = await startSession({ pause_s: 2, remind_before_s: 1 });
    await session.report({ type: 'EXECUTION_PAUSED', question: 'Which account?' });
    await expect.poll(session.status).toBe('cancelled');
    const [, reminder, cancelled] = await session.events();
    expect(reminder).toEqual(['ExecutionReminder', { message: expect.stringMatching(/^Paused until .*, then the session is cancelled$/), waits_for: 'resume', due_at: expect.any(String), on_timeout: 'cancel' }]);
    expect(cancelled).toEqual(['ExecutionCancelled', { reason: 'timeout', outcome: 'cancelled', timed_out: 'pause' }]);
    const messages = await arrivedOf(receiver, session, 4);
    expect(messages.map(({ info }) => info.event)).toContain('EXECUTION_REMINDER');
  });

  it.each([
    ['approve', 'running', 'approved', 'ExecutionResumed', { decision: 'approved', decided_by: 'timeout' }],
    ['reject', 'running', 'rejected', 'ExecutionResumed', { decision: 'rejected', decided_by: 'timeout' }],
    ['cancel', 'cancelled', 'cancelled', 'ExecutionCancelled', { reason: 'timeout', timed_out: 'confirmation' }],
  ] as const)('answers a question that nobody answers: %s', async (outcome, status, answer, type, payload) => {
    const session = await startSession({ confirmation_s: 1, on_confirmation_timeout: outcome });
    const asked = await session.send('confirmations', { message: 'Refund?' });
    await expect.poll(session.status).toBe(status);
    const confirmation = `/v1/sessions/${session.id}/confirmations/${asked.body.id}`;
    await expect.poll(async () => (await caller.get(confirmation)).body).toMatchObject({ status: answer, decided_by: 'timeout' });
    expect((await session.events()).at(-1)).toMatchObject([type, payload]);
    const late = await session.send(`confirmations/${asked.body.id}/decision`, { decision: 'approve', by: 'sarah' });
    expect(late.body).toMatchObject({ status: 409, current_status: status });
  });

  it('can be changed while the session waits', async () => {
    const session = await startSession();
    await session.send('pause');
    const changed = await session.change({ pause_s: 1, remind_before_s: null });
    expect(changed.body.timeouts).toMatchObject({ pause_s: 1, remind_before_s: null, idle_s: 86_400 });
    await expect.poll(session.status).toBe('cancelled');
    expect((await session.events()).map(([type]) => type)).toEqual(['ExecutionPaused', 'ExecutionCancelled']);
  });
});
