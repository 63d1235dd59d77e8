import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../model/types.ts';
import type { Caller } from '../../support/caller.ts';
import { type EngineApi, startEngineApi } from '../../support/engineApi.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';

let api: EngineApi;
let caller: Caller;
let receiver: Receiver;

beforeAll(async () => {
  [api, receiver] = await Promise.all([startEngineApi(), startReceiver()]);
  caller = await api.newCaller();
});
afterAll(async () => {
  await api?.close();
  await receiver?.close();
});

/** Binds the receiver to an agent, as another integration each time. `binding` is JSON as a caller writes it. */
async function bind(agentName: string, binding: string): Promise<string> {
  const { body: agent } = await caller.post('/v1/agents', { name: agentName });
  const agentId = typeof agent.existing_id === 'string' ? agent.existing_id : agent.id;
  const { body: integration } = await caller.post('/v1/integrations', { name: 'receiver', type: 'webhook', config: { url: receiver.url } });
  const { status, body } = await caller.post(`/v1/agents/${agentId}/notifications`, `{"integration_id":"${integration.id}",${binding}}`);
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}

interface Info extends JsonObject {
  event: string;
  payload: JsonObject;
  metadata: JsonObject;
}

/** What arrived about a session, once there are so many. */
async function arrived(sessionId: string, count: number): Promise<Info[]> {
  const about = () => receiver.received.map(({ json }) => (json as { info: Info }).info).filter((info) => info.execution_id === sessionId);
  await expect.poll(() => about().length).toBeGreaterThanOrEqual(count);
  return about();
}

describe('numbers that JavaScript cannot hold', () => {
  const TRACE = '1234567890123456789';
  const NEXT = '1234567890123456788';

  it('arrive with every digit, as text, and are told apart by filters and metadata', async () => {
    const rule = (operator: string, value: string) => `"subscription":{"mode":"custom","rules":[{"event":"Traced","filters":[{"field":"trace_id","operator":"${operator}","value":${value}}]}]}`;
    const ids = {
      equal: await bind('tracing', `${rule('equals', TRACE)},"metadata_filter":{"build":${TRACE}}`),
      greater: await bind('tracing', rule('greater_than', NEXT)),
      listed: await bind('tracing', rule('in', `[1,${TRACE}]`)),
      otherTrace: await bind('tracing', rule('equals', NEXT)),
      otherBuild: await bind('tracing', `${rule('equals', TRACE)},"metadata_filter":{"build":${NEXT}}`),
    };
    const key = { 'X-Agentops-Api-Key': caller.key };
    const created = await caller.post('/v2/create_session', `{"session":{"id":"traced","agent_name":"tracing","tags":[${TRACE}],"metadata":{"build":${TRACE}}}}`, key);
    const token = { Authorization: `Bearer ${String(created.body.jwt)}` };
    const event = `{"id":"e","type":"Traced","trace_id":${TRACE},"ids":[18446744073709551615,9007199254740993],"time_ns":1700000000000000000,"huge":1e400,"plain":42}`;
    expect((await caller.post('/v2/create_events', `{"events":[${event}]}`, token)).status).toBe(200);

    const decided = async () => Object.fromEntries((await caller.get('/v1/sessions/traced/decisions?event_id=e')).body.data.map(({ notification_id, decision, reason }) => [notification_id, reason ?? decision]));
    await expect.poll(async () => Object.keys(await decided()).length).toBe(5);
    expect(await decided()).toEqual({
      [ids.equal]: 'sent',
      [ids.greater]: 'sent',
      [ids.listed]: 'sent',
      [ids.otherTrace]: 'field_filter',
      [ids.otherBuild]: 'metadata',
    });

    const payload = { trace_id: TRACE, ids: ['18446744073709551615', '9007199254740993'], time_ns: 1700000000000000000, huge: '1e400', plain: 42 };
    const messages = await arrived('traced', 3);
    expect(messages).toEqual(messages.map(() => expect.objectContaining({ payload, metadata: { build: TRACE } })));
    expect((await caller.get('/v1/sessions/traced/events?event_id=e')).body.data[0]).toMatchObject({ payload });
    expect((await caller.get('/v1/sessions/traced')).body).toMatchObject({ tags: [TRACE], metadata: { build: TRACE } });
  });
});

describe('10,000 tags', () => {
  const tagsOf = (word: string) => Array.from({ length: 10_000 }, (_, index) => `key${index}:${word}${index}`);

  it('go through create_session and update_session, are filtered by, and arrive with the messages', async () => {
    await bind('tagged', '"subscription":{"mode":"custom","rules":[{"event":"ExecutionStarted","filters":[{"field":"tags","operator":"contains","value":"key9999:first9999"}]},{"event":"ExecutionWorkflowUpdated"},{"event":"ExecutionCompleted"}]},"metadata_filter":{"key5000":"first5000"}');
    const key = { 'X-Agentops-Api-Key': caller.key };
    const created = await caller.post('/v2/create_session', { session: { id: 'tagged', agent_name: 'tagged', tags: tagsOf('first') } }, key);
    expect(created.status, JSON.stringify(created.body)).toBe(200);
    const token = { Authorization: `Bearer ${String(created.body.jwt)}` };
    // As the SDK's add_tags does it: all of them again, and more.
    const more = [...tagsOf('first'), ...tagsOf('second').map((tag) => `more-${tag}`)];
    const updated = await caller.post('/v2/update_session', { session: { session_id: 'tagged', tags: more, end_state: 'Indeterminate', end_timestamp: null } }, token);
    expect(updated.status, JSON.stringify(updated.body)).toBe(200);
    const ended = await caller.post('/v2/update_session', { session: { session_id: 'tagged', end_state: 'Success', end_timestamp: '2024-03-14T12:00:00Z' } }, token);
    expect(ended.status).toBe(200);

    const [started, changed, completed] = await arrived('tagged', 3);
    expect(started).toMatchObject({ event: 'EXECUTION_STARTED', payload: { tags: tagsOf('first') }, metadata: { key9999: 'first9999' } });
    expect(changed).toMatchObject({ event: 'EXECUTION_WORKFLOW_UPDATED', payload: { tags: more } });
    expect(completed).toMatchObject({ event: 'EXECUTION_COMPLETED' });
    expect(Object.keys(completed!.metadata)).toHaveLength(20_000);
  });

  it('and many changes of them before the worker comes to it are decided, in portions that the Temporal server takes', async () => {
    await bind('busy', '"subscription":{"mode":"custom","rules":[{"event":"ExecutionWorkflowUpdated","filters":[{"field":"tags","operator":"contains","value":"urgent"}]}]}');
    await api.engine.stopWorker();
    const created = await caller.post('/v2/create_session', { session: { id: 'busy', agent_name: 'busy', tags: tagsOf('first') } }, { 'X-Agentops-Api-Key': caller.key });
    const token = { Authorization: `Bearer ${String(created.body.jwt)}` };
    for (let round = 1; round <= 12; round += 1) {
      const tags = [...tagsOf('first'), `round ${round}`, round % 6 === 0 ? 'urgent' : 'calm'];
      expect((await caller.post('/v2/update_session', { session: { session_id: 'busy', tags } }, token)).status).toBe(200);
    }
    await api.engine.startWorker();
    const messages = await arrived('busy', 2);
    expect(messages.map(({ payload }) => (payload.tags as string[]).slice(10_000))).toEqual([['round 6', 'urgent'], ['round 12', 'urgent']]);
    await expect.poll(async () => (await caller.get('/v1/backlog')).body.undecided).toMatchObject({ events: 0 });
    expect(api.engine.logged.filter(({ msg }) => msg.includes('exceeds size limit'))).toEqual([]);
  });

  it('with more metadata than a workflow can carry are refused, and nothing of them is stored', async () => {
    const tooMany = Array.from({ length: 10_000 }, (_, index) => `key${index}:${'x'.repeat(50)}`);
    const key = { 'X-Agentops-Api-Key': caller.key };
    const refused = { status: 413, body: { error: 'Too large', message: expect.stringMatching(/^metadata: .* 524288 are possible/) } };
    expect(await caller.post('/v2/create_session', { session: { id: 'refused', tags: tooMany } }, key)).toMatchObject(refused);
    expect((await caller.get('/v1/sessions/refused')).status).toBe(404);
    const created = await caller.post('/v2/create_session', { session: { id: 'half', metadata: { kept: 'yes' } } }, key);
    expect(created.status).toBe(200);
    const token = { Authorization: `Bearer ${String(created.body.jwt)}` };
    expect(await caller.post('/v2/update_session', { session: { session_id: 'half', tags: tooMany } }, token)).toMatchObject(refused);
    const half = tooMany.slice(0, 6000);
    expect((await caller.post('/v2/create_session', { session: { id: 'half', tags: half } }, key)).status).toBe(200);
    expect(await caller.post('/v2/create_session', { session: { id: 'half', tags: tooMany.slice(6000).map((tag) => `more-${tag}`) } }, key)).toMatchObject(refused);
    const { body: session } = await caller.get('/v1/sessions/half');
    expect([session.tags, Object.keys(session.metadata as JsonObject).length]).toEqual([half, 6001]);
  });
});
