import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionWorkflowId } from '../../model/naming.ts';
import { startTestApi } from '../support/api.ts';
import { type Caller, firstCaller, type JsonAnswer } from '../support/caller.ts';
import { arrivedOf } from '../support/engineSession.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

let api: EngineApi;
let receiver: Receiver;
let caller: Caller;

beforeAll(async () => {
  [api, receiver] = await Promise.all([startEngineApi(), startReceiver()]);
  caller = await api.newCaller();
  const agent = await caller.post('/v1/agents', { name: 'refunds' });
  const webhook = await caller.post('/v1/integrations', { name: 'all', type: 'webhook', config: { url: receiver.url } });
  await caller.post(`/v1/agents/${agent.body.id}/notifications`, { integration_id: webhook.body.id, subscription: { mode: 'all' } });
});
afterAll(async () => {
  await api?.close();
  await receiver?.close();
});

interface CommandedSession {
  id: string;
  send: (path: string, body?: unknown, headers?: Record<string, string>) => Promise<JsonAnswer>;
  status: () => Promise<unknown>;
  endedAt: () => Promise<unknown>;
  /** Types of the stored events after the first, oldest first. */
  events: () => Promise<unknown[]>;
}

async function startSession(): Promise<CommandedSession> {
  const id = uniqueName('session');
  const path = `/v1/sessions/${id}`;
  await caller.post('/v1/sessions', { id, agent_name: 'refunds' });
  return {
    id,
    send: (name, body, headers) => caller.post(`${path}/${name}`, body, headers),
    status: async () => (await caller.get(path)).body.status,
    endedAt: async () => (await caller.get(path)).body.end_timestamp,
    events: async () => (await caller.get(`${path}/events`)).body.data.map(({ type }) => type).toReversed().slice(1),
  };
}

describe('commands to a session', () => {
  it('pause and resume it, and are told like what agents report', async () => {
    const session = await startSession();
    const paused = await session.send('pause', { reason: 'Weekly release', by: 'sarah' });
    expect(paused.status).toBe(200);
    expect(paused.body).toMatchObject({ session_id: session.id, status: 'paused', seq: 2 });
    await expect.poll(session.status).toBe('paused');
    const resumed = await session.send('resume');
    expect(resumed.body).toMatchObject({ status: 'running', seq: 3 });
    const messages = await arrivedOf(receiver, session, 3);
    expect(messages.slice(1).map(({ info }) => [info.event, info.payload])).toEqual([
      ['EXECUTION_PAUSED', { reason: 'Weekly release', by: 'sarah' }],
      ['EXECUTION_RESUMED', { by: 'test' }],
    ]);
    expect(messages[1]!.event_id).toBe(paused.body.event_id);
  });

  it('send the agent a message', async () => {
    const session = await startSession();
    expect((await session.send('messages', { message: 'Use the staging database', by: 'sarah' })).body).toMatchObject({ status: 'running' });
    const [, message] = await arrivedOf(receiver, session, 2);
    expect(message!.info).toMatchObject({ event: 'USER_MESSAGE_RECEIVED', payload: { message: 'Use the staging database', by: 'sarah' } });
  });

  it('cancel it for good: every further one is refused with the status, also when its workflow has closed', async () => {
    const session = await startSession();
    expect((await session.send('cancel', { reason: 'Ordered twice' })).body.status).toBe('cancelled');
    const [, message] = await arrivedOf(receiver, session, 2);
    expect(message!.info).toMatchObject({ event: 'EXECUTION_CANCELLED', payload: { reason: 'user_requested', end_state_reason: 'Ordered twice' } });
    await expect.poll(session.endedAt).toEqual(expect.stringMatching(/Z$/));
    const handle = api.engine.client.workflow.getHandle(sessionWorkflowId(caller.organisationId, session.id));
    await expect.poll(async () => (await handle.describe()).status.name).toBe('COMPLETED');
    for (const [name, body] of [['pause'], ['resume'], ['cancel'], ['messages', { message: 'hello?' }], ['confirmations', { message: 'may I?' }]] as const) {
      const { status, body: problem } = await session.send(name, body);
      expect([status, problem.current_status, problem.type], name).toEqual([409, 'cancelled', 'urn:herald:problem:conflict']);
    }
    expect(await session.events()).toEqual(['ExecutionCancelled']);
  });

  it('are refused with the current status where it does not allow them', async () => {
    const session = await startSession();
    expect((await session.send('resume')).body).toMatchObject({ status: 409, current_status: 'running' });
    await session.send('pause');
    expect((await session.send('pause')).body).toMatchObject({ status: 409, current_status: 'paused', detail: 'The session is paused; only a running session can be paused.' });
    expect((await session.send('confirmations', { message: 'may I?' })).body).toMatchObject({ status: 409, current_status: 'paused' });
    expect(await session.events()).toEqual(['ExecutionPaused']);
  });

  it('meet what agents report in one state', async () => {
    const session = await startSession();
    await session.send('events', { events: [{ type: 'EXECUTION_PAUSED', question: 'Which account?' }] });
    expect((await session.send('pause')).body).toMatchObject({ status: 409, current_status: 'paused_by_agent' });
    expect((await session.send('resume', { reason: 'The second one' })).status).toBe(200);
    await session.send('events', { events: [{ type: 'EXECUTION_RESUMED' }, { type: 'EXECUTION_COMPLETED' }] });
    expect((await session.send('cancel')).body).toMatchObject({ status: 409, current_status: 'completed' });
    await expect.poll(session.status).toBe('completed');
  });

  it('that race are carried out one after the other: one of them wins', async () => {
    const session = await startSession();
    const answers = await Promise.all(Array.from({ length: 6 }, () => session.send('pause')));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409, 409, 409]);
    expect(await session.events()).toEqual(['ExecutionPaused']);
  });

  it('reach a session whose workflow does not run', async () => {
    const session = await startSession();
    await arrivedOf(receiver, session, 1);
    await api.engine.client.workflow.getHandle(sessionWorkflowId(caller.organisationId, session.id)).terminate('by a test');
    expect((await session.send('pause')).body).toMatchObject({ status: 'paused', seq: 2 });
    await arrivedOf(receiver, session, 2);
  });

  it('name the field that is wrong, and the session that is not there', async () => {
    const session = await startSession();
    expect((await session.send('messages', {})).body).toMatchObject({ status: 400, field: 'message' });
    expect((await session.send('pause', { because: 'x' })).body).toMatchObject({ status: 400, field: 'because' });
    expect((await session.send('confirmations', { message: 'x', on_timeout: 'ignore' })).body).toMatchObject({ status: 400, field: 'on_timeout' });
    expect((await caller.post('/v1/sessions/unknown/pause', {})).status).toBe(404);
  });
});

describe('a command that is sent again', () => {
  it('is carried out once, for the same request id', async () => {
    const session = await startSession();
    const first = await session.send('pause', { request_id: 'release 7' });
    const again = await Promise.all(Array.from({ length: 3 }, () => session.send('pause', { request_id: 'release 7' })));
    for (const answer of again) expect(answer.body).toEqual(first.body);
    await session.send('resume');
    expect((await session.send('pause', { request_id: 'release 7' })).body).toEqual(first.body);
    expect(await session.events()).toEqual(['ExecutionPaused', 'ExecutionResumed']);
  });

  it('at the same moment is carried out once, too', async () => {
    const session = await startSession();
    const answers = await Promise.all(Array.from({ length: 4 }, () => session.send('messages', { message: 'once', request_id: 'm 1' })));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(await session.events()).toEqual(['UserMessageReceived']);
  });

  it('under an Idempotency-Key answers what it answered first', async () => {
    const session = await startSession();
    const headers = { 'Idempotency-Key': uniqueName('key') };
    const first = await session.send('pause', {}, headers);
    expect(first.body.event_id).toBe(`command:${headers['Idempotency-Key']}`);
    const again = await session.send('pause', {}, headers);
    expect([again.status, again.body, again.headers.get('idempotent-replayed')]).toEqual([200, first.body, 'true']);
  });

  it('was refused is judged again, by what the session has become, and then carried out once', async () => {
    const session = await startSession();
    const resume = () => session.send('resume', { request_id: 'go on' });
    const refused = await resume();
    expect(refused.body).toMatchObject({ status: 409, current_status: 'running' });
    expect(await resume()).toMatchObject({ status: 409, body: { detail: refused.body.detail } });
    await session.send('pause');
    const resumed = await resume();
    expect(resumed).toMatchObject({ status: 200, body: { status: 'running', event_id: 'command:go on' } });
    await session.send('pause');
    expect((await resume()).body).toEqual(resumed.body);
    expect(await session.events()).toEqual(['ExecutionPaused', 'ExecutionResumed', 'ExecutionPaused']);
  });

  it('was refused is refused again under the same Idempotency-Key, and judged under another one', async () => {
    const session = await startSession();
    const [first, second] = [{ 'Idempotency-Key': uniqueName('key') }, { 'Idempotency-Key': uniqueName('key') }];
    const refused = await session.send('resume', {}, first);
    expect([refused.status, refused.headers.get('idempotent-replayed')]).toEqual([409, null]);
    await session.send('pause');
    const again = await session.send('resume', {}, first);
    expect([again.status, again.body, again.headers.get('idempotent-replayed')]).toEqual([409, refused.body, 'true']);
    expect((await session.send('resume', {}, second)).status).toBe(200);
    expect(await session.events()).toEqual(['ExecutionPaused', 'ExecutionResumed']);
  });

  it('as another command is refused', async () => {
    const session = await startSession();
    await session.send('pause', { request_id: 'r 1' });
    expect((await session.send('resume', { request_id: 'r 1' })).body).toMatchObject({ status: 409, detail: expect.stringContaining('another command') });
    expect(await session.events()).toEqual(['ExecutionPaused']);
  });

  it('answers the same when it cancels, asks or decides', async () => {
    const session = await startSession();
    const asked = await session.send('confirmations', { message: 'Refund?', request_id: 'ask' });
    const askedAgain = await session.send('confirmations', { message: 'Refund?', request_id: 'ask' });
    expect([askedAgain.status, askedAgain.body]).toEqual([201, asked.body]);
    const decision = { decision: 'approve', request_id: 'decide' };
    const decided = await session.send(`confirmations/${asked.body.id}/decision`, decision);
    const cancelled = await session.send('cancel', { request_id: 'cancel' });
    expect([decided.status, cancelled.status]).toEqual([200, 200]);
    expect((await session.send(`confirmations/${asked.body.id}/decision`, decision)).body).toEqual(decided.body);
    expect((await session.send('cancel', { request_id: 'cancel' })).body).toEqual(cancelled.body);
    expect(await session.events()).toEqual(['ExecutionAwaitingConfirmation', 'ExecutionResumed', 'ExecutionCancelled']);
  });

  it('as a decision is refused when it resumed the session before, and the question stays open', async () => {
    const session = await startSession();
    await session.send('pause');
    await session.send('resume', { request_id: 'go on' });
    const { body: asked } = await session.send('confirmations', { message: 'Refund?' });
    const decided = await session.send(`confirmations/${asked.id}/decision`, { decision: 'approve', request_id: 'go on' });
    expect(decided.body).toMatchObject({ status: 409, detail: expect.stringContaining('another command') });
    expect((await caller.get(`/v1/sessions/${session.id}/confirmations/${asked.id}`)).body.status).toBe('pending');
  });

  it('is refused as the opposite answer, and as an answer to the next question', async () => {
    const session = await startSession();
    const { body: first } = await session.send('confirmations', { message: 'Refund?' });
    await session.send(`confirmations/${first.id}/decision`, { decision: 'approve', request_id: 'answer' });
    const { body: second } = await session.send('confirmations', { message: 'Refund more?' });
    for (const [question, decision] of [[first.id, 'reject'], [second.id, 'approve']]) {
      const refused = await session.send(`confirmations/${question}/decision`, { decision, request_id: 'answer' });
      expect(refused.body).toMatchObject({ status: 409, detail: expect.stringContaining('another command') });
    }
    const { body } = await caller.get(`/v1/sessions/${session.id}/confirmations`);
    expect(body.data.map(({ status }) => status)).toEqual(['pending', 'approved']);
  });

  it('at the same moment with the opposite answer is refused', async () => {
    const session = await startSession();
    const { body: asked } = await session.send('confirmations', { message: 'Refund?' });
    const answers = await Promise.all(['approve', 'reject'].map((decision) => session.send(`confirmations/${asked.id}/decision`, { decision, request_id: 'answer' })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  });
});

describe('a confirmation', () => {
  it('is asked for, read and decided once', async () => {
    const session = await startSession();
    const asked = await session.send('confirmations', { message: 'Refund 1,240 EUR?', details: { order: 'order-12345' }, timeout_s: 3600, by: 'refunds agent' });
    expect(asked.status).toBe(201);
    expect(asked.body).toMatchObject({ id: expect.stringMatching(/^cnf_[0-9a-f]{32}$/), session_id: session.id, status: 'pending', on_timeout: 'reject', decided_by: null });
    expect(asked.body.asked).toMatchObject({ message: 'Refund 1,240 EUR?', details: { order: 'order-12345' }, confirmation_id: asked.body.id });
    expect(Date.parse(asked.body.expires_at as string) - Date.parse(asked.body.asked_at as string)).toBe(3_600_000);
    const path = `confirmations/${asked.body.id}`;
    expect((await caller.get(`/v1/sessions/${session.id}/${path}`)).body).toEqual(asked.body);
    await expect.poll(session.status).toBe('awaiting_confirmation');

    const decided = await session.send(`${path}/decision`, { decision: 'approve', by: 'sarah', reason: 'Within the limit' });
    expect(decided.body).toMatchObject({ status: 'running' });
    expect((await session.send(`${path}/decision`, { decision: 'reject', by: 'alex' })).body).toMatchObject({ status: 409, current_status: 'running' });
    expect((await caller.get(`/v1/sessions/${session.id}/${path}`)).body).toMatchObject({ status: 'approved', decided_by: 'sarah', reason: 'Within the limit', closed_by_event_id: decided.body.event_id });
    const [, ask, answer] = await arrivedOf(receiver, session, 3);
    expect(ask!.info.event).toBe('EXECUTION_AWAITING_CONFIRMATION');
    expect(answer!.info).toMatchObject({ event: 'EXECUTION_RESUMED', payload: { confirmation_id: asked.body.id, decision: 'approved', decided_by: 'sarah' } });
  });

  it('that an agent reports is there, too; one that gave way to the next cannot be decided', async () => {
    const session = await startSession();
    await session.send('events', { events: [{ id: 'q1', type: 'EXECUTION_AWAITING_CONFIRMATION', message: 'Delete 3 files?', on_timeout: 'approve' }] });
    const list = async () => (await caller.get(`/v1/sessions/${session.id}/confirmations`)).body.data;
    await expect.poll(list).toMatchObject([{ status: 'pending', event_id: 'q1', on_timeout: 'approve', asked: { message: 'Delete 3 files?' } }]);
    const [first] = await list();
    await session.send('events', { events: [{ id: 'q2', type: 'EXECUTION_AWAITING_CONFIRMATION', message: 'Delete 4 files?' }] });
    expect((await session.send(`confirmations/${first!.id}/decision`, { decision: 'approve' })).body).toMatchObject({ status: 409, current_status: 'awaiting_confirmation' });
    await expect.poll(list).toMatchObject([{ status: 'pending', event_id: 'q2' }, { status: 'cancelled', event_id: 'q1' }]);
    const [second] = await list();
    expect((await session.send(`confirmations/${second!.id}/decision`, { decision: 'reject', by: 'sarah' })).status).toBe(200);
    const rejected = `/v1/sessions/${session.id}/confirmations?status=rejected`;
    expect((await caller.get(rejected)).body.data).toMatchObject([{ event_id: 'q2', decided_by: 'sarah' }]);
  });

  it('can be asked for by an agent, and not decided by it', async () => {
    const session = await startSession();
    const { body: key } = await caller.post('/v1/api_keys', { name: 'agents', scopes: ['ingest'] });
    const withAgentsKey = (path: string, body: unknown) =>
      fetch(`${api.url}/v1/sessions/${session.id}/${path}`, { method: 'POST', headers: { 'X-Agentops-Api-Key': key.key as string, 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    const asked = await withAgentsKey('confirmations', { message: 'Refund?' });
    expect(asked.status).toBe(201);
    const { id } = (await asked.json()) as { id: string };
    expect((await withAgentsKey(`confirmations/${id}/decision`, { decision: 'approve' })).status).toBe(403);
    expect((await session.send('confirmations/cnf_unknown/decision', { decision: 'approve' })).status).toBe(404);
  });
});

describe('while the Temporal server is away', () => {
  it('a command is answered with 503 and what to do, and stores nothing', async () => {
    const away = await startTestApi();
    try {
      const lonely = firstCaller(away);
      await lonely.post('/v1/sessions', { id: 's', agent_name: 'refunds' });
      const { status, headers, body } = await lonely.post('/v1/sessions/s/pause', { request_id: 'r' });
      expect([status, headers.get('retry-after')]).toEqual([503, '5']);
      expect(body.detail).toContain('same Idempotency-Key or request_id');
      expect((await lonely.get('/v1/sessions/s/events')).body.data).toHaveLength(1);
    } finally {
      await away.close();
    }
  });
});
