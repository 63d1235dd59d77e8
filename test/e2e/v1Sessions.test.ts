import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnswerBody, type Caller, callerOf } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

let herald: EngineApi;
let receiver: Receiver;
let caller: Caller;

beforeAll(async () => {
  [herald, receiver] = await Promise.all([startEngineApi(), startReceiver()]);
  caller = await herald.newCaller();
});
afterAll(async () => {
  await herald?.close();
  await receiver?.close();
});

async function newAgent(name: string): Promise<string> {
  return (await caller.post('/v1/agents', { name })).body.id;
}

async function newWebhook(): Promise<string> {
  return (await caller.post('/v1/integrations', { name: 'hook', type: 'webhook', config: { url: receiver.url } })).body.id;
}

async function bind(agentId: string, body: Record<string, unknown> = {}): Promise<string> {
  const binding = { integration_id: await newWebhook(), subscription: { mode: 'all' }, ...body };
  return (await caller.post(`/v1/agents/${agentId}/notifications`, binding)).body.id;
}

/** The session once everything of it is decided and nothing of it is on its way. */
async function settled(id: string): Promise<AnswerBody> {
  return expect
    .poll(async () => (await caller.get(`/v1/sessions/${encodeURIComponent(id)}`)).body, { timeout: 15_000 })
    .toSatisfy((session: AnswerBody) => {
      const { pending, retrying } = session.deliveries as Record<string, number>;
      return session.decided_seq === session.last_seq && pending === 0 && retrying === 0;
    })
    .then(async () => (await caller.get(`/v1/sessions/${encodeURIComponent(id)}`)).body);
}

describe('reporting with an API key alone', () => {
  test('a session is started, reported on, ended, and everything about it can be read', async () => {
    const agentId = await newAgent('order-processing');
    const failures = await bind(agentId, { subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] } });
    const staging = await bind(agentId, { metadata_filter: { environment: 'staging' } });
    const started = await caller.post('/v1/sessions', {
      id: 'order 1/2',
      agent_id: agentId,
      tags: ['environment:production', 'nightly'],
      metadata: { region: 'us-east' },
      inputs: { order: 12345 },
    });
    expect(started.status).toBe(201);
    expect(started.body).toMatchObject({ id: 'order 1/2', created: true, url: 'http://herald.test/sessions/order%201%2F2' });
    expect((await caller.post('/v1/sessions', { id: 'order 1/2' })).body).toMatchObject({ created: false });

    const path = '/v1/sessions/order%201%2F2';
    const events = [
      { id: 'think', type: 'llm', model: 'gpt-4', prompt_tokens: 150, completion_tokens: 80 },
      { id: 'end', type: 'EXECUTION_FAILED', reason: 'Payment gateway timeout' },
    ];
    expect((await caller.post(`${path}/events`, { events })).body).toEqual({ stored: 2, duplicates: 0 });
    expect((await caller.post(`${path}/events`, { events })).body).toEqual({ stored: 0, duplicates: 2 });

    const session = await settled('order 1/2');
    expect(session).toMatchObject({
      id: 'order 1/2',
      status: 'failed',
      agents: [{ id: agentId, name: 'order-processing' }],
      tags: ['environment:production', 'nightly'],
      metadata: { environment: 'production', region: 'us-east' },
      details: { inputs: { order: 12345 } },
      token_cost: '0.0093',
      last_seq: 3,
      decided_seq: 3,
      deliveries: { pending: 0, retrying: 0, delivered: 1, failed: 0, cancelled: 0 },
      temporal_ui_url: expect.stringContaining(encodeURIComponent(`session/${caller.organisationId}/order 1/2`)),
    });

    const listed = await caller.get(`${path}/events`);
    expect(listed.body).toMatchObject({
      data: [
        { id: 'end', seq: 3, type: 'ExecutionFailed', payload: { reason: 'Payment gateway timeout' }, silent: false },
        { id: 'think', seq: 2, type: 'ExecutionStepStarted', token_cost: '0.0093' },
        { seq: 1, type: 'ExecutionStarted' },
      ],
      next_cursor: null,
    });

    const decisions = (await caller.get(`${path}/decisions`)).body.data;
    const told = decisions.map((d) => [d.event_id, d.event_type, d.notification_id, d.decision, d.reason]);
    const startId = listed.body.data[2]!.id;
    expect(told).toEqual([
      ['end', 'ExecutionFailed', failures, 'sent', null],
      ['end', 'ExecutionFailed', staging, 'skipped', 'metadata'],
      ['think', 'ExecutionStepStarted', failures, 'skipped', 'event_type'],
      ['think', 'ExecutionStepStarted', staging, 'skipped', 'metadata'],
      [startId, 'ExecutionStarted', failures, 'skipped', 'event_type'],
      [startId, 'ExecutionStarted', staging, 'skipped', 'metadata'],
    ]);

    const [delivery] = (await caller.get(`${path}/deliveries`)).body.data;
    expect(delivery).toMatchObject({ id: decisions[0]!.delivery_id, status: 'delivered', event_id: 'end', session_id: 'order 1/2', agent_id: agentId, seq: 3 });
    expect((await caller.get(`/v1/deliveries/${delivery!.id}`)).body).toMatchObject({
      ...delivery,
      attempts: [{ number: 1, ok: true, status_code: 200, error: null }],
    });
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toContain(delivery!.id);
  });

  test('an unknown agent is 404, and the answer names it; one that comes with a name is taken for the reporter’s own id', async () => {
    const refused = await caller.post('/v1/sessions', { session: { id: 'lost', agent_id: 'agt_unknown' } });
    expect(refused.body).toMatchObject({ status: 404, field: 'session.agent_id', detail: expect.stringContaining('agt_unknown') });
    expect((await caller.get('/v1/sessions/lost')).status).toBe(404);
    expect((await caller.post('/v1/sessions', { id: 'named', agent_id: 'run-7', agent_name: 'research' })).status).toBe(201);
    expect((await caller.get('/v1/sessions/named')).body.agents).toMatchObject([{ name: 'research', aliases: ['run-7'] }]);
  });

  test('a session without an agent belongs to the default agent of the key', async () => {
    const agentId = await newAgent('default of a key');
    const created = await caller.post('/v1/api_keys', { name: 'agents', scopes: ['ingest'], default_agent_id: agentId });
    const agentsKey = callerOf(herald.url, caller.organisationId, String(created.body.key));
    await agentsKey.post('/v1/sessions', { id: 'by default' });
    expect((await caller.get('/v1/sessions/by%20default')).body.agents).toMatchObject([{ id: agentId }]);
  });

  test.each([
    ['/v1/sessions', {}, 400, 'id'],
    ['/v1/sessions', { id: '' }, 400, 'id'],
    ['/v1/sessions', { id: 'x'.repeat(256) }, 400, 'id'],
    ['/v1/sessions', { id: 'x', tags: 5 }, 400, 'tags'],
    ['/v1/sessions/unknown/events', { events: [{ type: 'llm' }] }, 404, undefined],
    ['/v1/sessions/named/events', {}, 400, 'events'],
    ['/v1/sessions/named/events', { events: [5] }, 400, 'events[0]'],
    ['/v1/sessions/named/events', { events: [{ type: 'llm', session_id: 'another' }] }, 403, undefined],
    ['/v1/sessions/named/events', { events: Array.from({ length: 101 }, () => ({ type: 'llm' })) }, 413, 'events'],
    ['/v1/sessions/named/events', { events: [{ type: 'llm', prompt: 'x'.repeat(70_000) }] }, 413, 'events[0]'],
    ['/v1/sessions/named/events', { events: [{ type: 'llm', prompt: 'x'.repeat(1_100_000) }] }, 413, undefined],
  ])('POST %s with what cannot be stored is answered with its own status', async (path, body, status, field) => {
    const answer = await caller.post(path, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    if (field !== undefined) expect(answer.body).toMatchObject({ field });
  });

  test('an Idempotency-Key makes events without ids safe to send again', async () => {
    await caller.post('/v1/sessions', { id: 'idempotent' });
    const headers = { 'Idempotency-Key': 'batch 1' };
    const send = () => caller.post('/v1/sessions/idempotent/events', { events: [{ type: 'tool', name: 'search' }] }, headers);
    expect((await send()).body).toEqual({ stored: 1, duplicates: 0 });
    const again = await send();
    expect([again.headers.get('idempotent-replayed'), again.body]).toEqual(['true', { stored: 1, duplicates: 0 }]);
    expect((await caller.get('/v1/sessions/idempotent/events?type=ExecutionActionStarted')).body.data).toHaveLength(1);
  });
});

describe('reading', () => {
  test('sessions are filtered by status, agent, tag, metadata and time', async () => {
    const agentId = await newAgent('filtered');
    const start = (id: string, tags: string[]) => caller.post('/v1/sessions', { id, agent_id: agentId, tags });
    await start('first', ['environment:production', 'region=eu']);
    await start('second', ['environment:staging', 'beta']);
    await caller.post('/v1/sessions/second/events', { type: 'ExecutionCompleted', outcome: 'success' });
    await settled('second');
    const ids = async (query: string) => (await caller.get(`/v1/sessions?agent_id=${agentId}&${query}`)).body.data.map(({ id }) => id);
    expect(await ids('')).toEqual(['second', 'first']);
    expect(await ids('status=completed')).toEqual(['second']);
    expect(await ids('tag=beta')).toEqual(['second']);
    expect(await ids('metadata=environment:production')).toEqual(['first']);
    expect(await ids('metadata=environment=production&metadata=region:eu')).toEqual(['first']);
    expect(await ids('metadata=environment:production&metadata=region:us')).toEqual([]);
    expect(await ids('created_after=2999-01-01')).toEqual([]);
    expect(await ids('created_before=2999-01-01T00:00:00+02:00')).toEqual(['second', 'first']);
    const page = await caller.get(`/v1/sessions?agent_id=${agentId}&limit=1`);
    expect(await ids(`limit=1&cursor=${page.body.next_cursor}`)).toEqual(['first']);
  });

  test('decisions are filtered by event, notification and decision, and paged by event', async () => {
    const agentId = await newAgent('decided');
    const all = await bind(agentId);
    const none = await bind(agentId, { enabled: false });
    await caller.post('/v1/sessions', { id: 'decided', agent_id: agentId });
    await caller.post('/v1/sessions/decided/events', { events: ['a', 'b', 'c'].map((id) => ({ id, type: 'Reported' })) });
    await settled('decided');
    const read = async (query: string) => (await caller.get(`/v1/sessions/decided/decisions?${query}`)).body;
    const told = async (query: string) => (await read(query)).data.map((d) => [d.event_id, d.notification_id === all ? 'all' : 'none', d.decision].join(' '));
    expect(await told('event_id=b')).toEqual(['b all sent', 'b none skipped']);
    expect((await told('decision=sent')).slice(0, 3)).toEqual(['c all sent', 'b all sent', 'a all sent']);
    expect((await told(`notification_id=${none}`)).slice(0, 3)).toEqual(['c none skipped', 'b none skipped', 'a none skipped']);
    expect(await told(`notification_id=${none}&decision=sent`)).toEqual([]);
    expect(await told('notification_id=ntf_unknown')).toEqual([]);
    const first = await read('limit=1');
    expect(first.data.map((d) => d.event_id)).toEqual(['c', 'c']);
    expect((await read(`limit=2&cursor=${first.next_cursor}`)).data.map((d) => d.event_id)).toEqual(['b', 'b', 'a', 'a']);
  });

  test('what was decided can still be read when the notification is gone', async () => {
    const agentId = await newAgent('forgetful');
    const notification = await bind(agentId);
    await caller.post('/v1/sessions', { id: 'remembered', agent_id: agentId });
    await settled('remembered');
    await caller.delete(`/v1/notifications/${notification}`);
    expect((await caller.get('/v1/sessions/remembered/decisions')).body.data).toMatchObject([{ notification_id: notification, decision: 'sent' }]);
    expect((await caller.get(`/v1/deliveries?notification_id=${notification}`)).body.data).toMatchObject([{ status: 'delivered' }]);
  });

  test('deliveries are filtered by everything they carry', async () => {
    const agentId = await newAgent('delivering');
    const notification = await bind(agentId, { subscription: { mode: 'custom', rules: [{ event: 'order.shipped' }, { event: 'ExecutionPaused' }] } });
    await caller.post('/v1/sessions', { id: 'delivering', agent_id: agentId });
    await caller.post('/v1/sessions/delivering/events', { events: [{ id: 'shipped', type: 'order.shipped' }, { id: 'paused', type: 'ExecutionPaused' }] });
    await settled('delivering');
    const events = async (query: string) => (await caller.get(`/v1/deliveries?session_id=delivering&${query}`)).body.data.map((d) => d.event_id);
    expect(new Set(await events(''))).toEqual(new Set(['paused', 'shipped']));
    expect(await events('event_type=EXECUTION_PAUSED')).toEqual(['paused']);
    expect(await events('event_id=shipped')).toEqual(['shipped']);
    expect(await events('status=failed')).toEqual([]);
    expect(await events(`notification_id=${notification}&status=delivered&agent_id=${agentId}&event_type=order.shipped`)).toEqual(['shipped']);
    expect(await events('created_after=2999-01-01')).toEqual([]);
    expect((await caller.get('/v1/sessions/delivering/deliveries?event_id=paused')).body.data).toMatchObject([{ event_id: 'paused' }]);
    expect((await caller.get('/v1/deliveries?status=lost')).body).toMatchObject({ status: 400, field: 'status' });
    expect((await caller.get('/v1/deliveries?created_after=yesterday')).body).toMatchObject({ status: 400, field: 'created_after' });
  });

  test('the catalogue tells both names, what they mean and what they carry', async () => {
    const { body } = await caller.get('/v1/event_types');
    expect(body.data.map(({ name }) => name)).toEqual(expect.arrayContaining(['ExecutionStarted', 'ExecutionReminder', 'IntegrationDisabled', 'IntegrationFailing']));
    expect(body.data.find(({ name }) => name === 'ExecutionFailed')).toMatchObject({
      constant: 'EXECUTION_FAILED',
      title: 'Execution Failed',
      category: 'status',
      description: 'Triggered when an agent encounters an error and fails.',
      payload_fields: expect.arrayContaining([expect.objectContaining({ name: 'reason' })]),
    });
  });
});

describe('test messages', () => {
  test('one arrives, is marked as a test, and its attempt is logged', async () => {
    const integrationId = await newWebhook();
    const { body } = await caller.post(`/v1/integrations/${integrationId}/test`, { event_type: 'ExecutionFailed' });
    await expect.poll(async () => (await caller.get(`/v1/deliveries/${body.id}`)).body, { timeout: 15_000 }).toMatchObject({ status: 'delivered', attempts: [{ ok: true }] });
    const message = receiver.received.find(({ headers }) => headers['webhook-id'] === body.id);
    expect(message?.headers['herald-test']).toBe('true');
  });
});
