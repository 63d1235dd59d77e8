import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { confirmationId, recordConfirmations } from '../../store/confirmations.ts';
import { findSessionKey } from '../../store/sessions.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { boundWebhook, type Caller, firstCaller, type JsonAnswer, newCaller } from '../support/caller.ts';

/** Every operation of the OpenAPI document that takes an id. */
interface Operation {
  method: string;
  path: string;
}

let api: TestApi;
let owner: Caller;
let stranger: Caller;
/** The owner's ids, by the first part of the paths they belong to. */
let ids: Record<string, string>;
let operations: Operation[];

const bodies: Record<string, unknown> = {
  'post /v1/agents/{id}/notifications': { integration_id: 'int_unknown', subscription: { mode: 'all' } },
  'post /v1/notifications/{id}/preview': { event: { type: 'ExecutionFailed' } },
  'post /v1/integrations/{id}/test': {},
  'post /v1/integrations/{id}/rotate-secret': {},
  'post /v1/sessions/{id}/events': { events: [{ type: 'llm' }] },
  'post /v1/sessions/{id}/pause': {},
  'post /v1/sessions/{id}/resume': {},
  'post /v1/sessions/{id}/cancel': {},
  'post /v1/sessions/{id}/messages': { message: 'hello' },
  'post /v1/sessions/{id}/confirmations': { message: 'may I?' },
  'post /v1/sessions/{id}/confirmations/{cid}/decision': { decision: 'approve' },
  'patch /v1/sessions/{id}': { timeouts: { idle_s: 1 } },
  'post /v1/deliveries/{id}/retry': undefined,
  'post /v1/deliveries/{id}/cancel': undefined,
  'post /v1/replays/{id}/cancel': undefined,
  'patch /v1/agents/{id}': { name: 'stolen' },
  'patch /v1/integrations/{id}': { name: 'stolen', config: {} },
  'patch /v1/notifications/{id}': { enabled: false },
};

/** What needs no id: it creates something of the caller's own, or is tried with foreign ids in its body below. */
const plainOperations = [
  'post /v1/agents',
  'post /v1/api_keys',
  'post /v1/integrations',
  'post /v1/replays',
  'post /v1/sessions',
  'post /v1/slack/installs',
  'patch /v1/organisation',
];

/** What a read needs in its address. */
const queries: Record<string, string> = { '/v1/sessions/{id}/wait': '?until=running&timeout_s=0' };

beforeAll(async () => {
  api = await startTestApi();
  owner = firstCaller(api);
  stranger = await newCaller(api);
  const { agentId, integrationId, notificationId } = await boundWebhook(owner);
  await owner.post('/v1/sessions', { id: 'session of the owner', agent_id: agentId });
  const { body: delivery } = await owner.post(`/v1/integrations/${integrationId}/test`, {});
  const { body: key } = await owner.post('/v1/api_keys', { name: 'second', scopes: ['admin'] });
  ids = {
    agents: agentId,
    integrations: integrationId,
    notifications: notificationId,
    sessions: 'session of the owner',
    deliveries: delivery.id,
    confirmations: await askedConfirmation(),
    api_keys: key.id,
    replays: (await owner.post('/v1/replays', { kind: 'events', notification_id: notificationId })).body.id,
  };
  operations = await operationsWithIds();
});
afterAll(() => api.close());

/** A question of the owner's session, as its workflow would have recorded it. */
async function askedConfirmation(): Promise<string> {
  const key = (await findSessionKey(api.db, owner.organisationId, 'session of the owner'))!;
  const asked = { change: 'asked' as const, eventId: 'q', seq: 1, askedAt: null, expiresAt: null, onTimeout: 'reject' as const };
  await recordConfirmations(api.db, { organisationId: owner.organisationId, key }, [asked]);
  return confirmationId(key, 'q');
}

interface Documented extends Operation {
  /** Names of its query parameters. */
  parameters: string[];
}

/** Every operation of Herald's own API. */
async function documented(): Promise<Documented[]> {
  const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
  };
  return Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/v1/'))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [] }]) => ({ method, path, parameters: parameters.filter((each) => each.in === 'query').map(({ name }) => name) })),
    );
}

async function operationsWithIds(): Promise<Operation[]> {
  return (await documented()).filter(({ path }) => path.includes('{'));
}

function call(caller: Caller, { method, path }: Operation, id: string): Promise<JsonAnswer> {
  const address = path.replace('{id}', encodeURIComponent(id)).replace('{cid}', ids.confirmations!);
  const body = bodies[`${method} ${path}`];
  if (method === 'get') return caller.get(address + (queries[path] ?? ''));
  if (method === 'delete') return caller.delete(`${address}${path.includes('integrations') ? '?force=true' : ''}`);
  return method === 'patch' ? caller.patch(address, body) : caller.post(address, body);
}

function ownersId({ path }: Operation): string {
  return ids[path.split('/')[2]!]!;
}

/** What an answer says, without the id that was asked for. */
function said({ status, body }: JsonAnswer, id: string): string {
  const { request_id: _, ...rest } = body;
  return JSON.stringify({ status, rest }).replaceAll(id, '<id>');
}

async function everythingOfTheOwner(): Promise<unknown> {
  const lists = ['agents', 'integrations', 'notifications', 'sessions', 'deliveries', 'api_keys', 'replays'];
  return Promise.all(lists.map(async (list) => (await owner.get(`/v1/${list}`)).body));
}

describe('another organisation', () => {
  test('every operation that takes an id is known to this test', () => {
    expect(operations.length).toBeGreaterThanOrEqual(20);
    for (const operation of operations) {
      expect(ownersId(operation), operation.path).toBeDefined();
      const needsBody = operation.method === 'post' || operation.method === 'patch';
      if (needsBody) expect(bodies, operation.path).toHaveProperty([`${operation.method} ${operation.path}`]);
    }
  });

  test('is told of no id whether it exists, and changes nothing', async () => {
    const before = await everythingOfTheOwner();
    for (const operation of operations) {
      const id = ownersId(operation);
      const answer = await call(stranger, operation, id);
      const name = `${operation.method} ${operation.path}`;
      expect(answer.status, name).toBe(404);
      expect(said(answer, id), name).toBe(said(await call(stranger, operation, 'unknown'), 'unknown'));
    }
    expect(await everythingOfTheOwner()).toEqual(before);
  });

  test('the same ids are found by their owner', async () => {
    const reads = operations.filter(({ method, path }) => method === 'get' && !path.endsWith('/stream'));
    for (const operation of reads) {
      expect((await call(owner, operation, ownersId(operation))).status, operation.path).toBe(200);
    }
    const stream = await fetch(`${api.url}/v1/sessions/${encodeURIComponent(ids.sessions!)}/stream`, { headers: { Authorization: `Bearer ${owner.key}` } });
    expect(stream.status).toBe(200);
    await stream.body?.cancel();
  });

  test('finds nothing with any filter', async () => {
    const filters = [
      '/v1/agents?name=order-processing',
      `/v1/notifications?agent_id=${ids.agents}`,
      `/v1/notifications?integration_id=${ids.integrations}`,
      `/v1/sessions?agent_id=${ids.agents}`,
      `/v1/deliveries?integration_id=${ids.integrations}`,
      `/v1/deliveries?session_id=${encodeURIComponent(ids.sessions!)}`,
    ];
    for (const path of filters) expect((await stranger.get(path)).body, path).toEqual({ data: [], next_cursor: null });
  });

  test('sees nothing of the owner in any list, with any filter of its description', async () => {
    const lists = (await documented()).filter(({ method, path }) => method === 'get' && !path.includes('{'));
    expect(lists.length).toBeGreaterThanOrEqual(8);
    const secrets = [...Object.values(ids), owner.organisationId];
    for (const { path, parameters } of lists) {
      const filters = parameters.filter((name) => name !== 'limit' && name !== 'cursor');
      const addresses = [path, ...filters.flatMap((name) => Object.values(ids).map((id) => `${path}?${name}=${encodeURIComponent(id)}`))];
      for (const address of addresses) {
        const { status, body } = await stranger.get(address);
        // A value that a filter does not know is refused with its name, which the stranger gave.
        if (status === 400) continue;
        expect(status, address).toBe(200);
        for (const secret of secrets) expect(JSON.stringify(body), address).not.toContain(secret);
      }
    }
  });

  test('every operation without an id in its address is known to this test', async () => {
    const plain = (await documented()).filter(({ method, path }) => method !== 'get' && !path.includes('{'));
    expect(plain.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(plainOperations.toSorted());
  });

  test('a cursor of the owner opens nothing', async () => {
    await owner.post('/v1/agents', { name: 'one more' });
    const { body } = await owner.get('/v1/agents?limit=1');
    expect((await stranger.get(`/v1/agents?cursor=${body.next_cursor}`)).body).toEqual({ data: [], next_cursor: null });
  });

  test("cannot bind, preview or default to the owner's things", async () => {
    const own = await boundWebhook(stranger, 'own');
    const subscription = { mode: 'all' };
    const attempts = [
      await stranger.post(`/v1/agents/${own.agentId}/notifications`, { integration_id: ids.integrations, subscription }),
      await stranger.post(`/v1/agents/${ids.agents}/notifications`, { integration_id: own.integrationId, subscription }),
      await stranger.patch(`/v1/notifications/${own.notificationId}`, { integration_id: ids.integrations }),
      await stranger.post(`/v1/notifications/${own.notificationId}/preview`, { session_id: ids.sessions, event_id: `${ids.sessions}:started` }),
      await stranger.post('/v1/api_keys', { name: 'x', scopes: ['ingest'], default_agent_id: ids.agents }),
      await stranger.post('/v1/sessions', { id: 'x', agent_id: ids.agents }),
      await stranger.post('/v1/replays', { kind: 'failed', integration_id: ids.integrations, since: '2026-01-01' }),
      await stranger.post('/v1/replays', { kind: 'disabled', integration_id: ids.integrations, since: '2026-01-01', dry_run: true }),
      await stranger.post('/v1/replays', { kind: 'failed', integration_id: own.integrationId, notification_id: ids.notifications, since: '2026-01-01' }),
      await stranger.post('/v1/replays', { kind: 'events', notification_id: ids.notifications }),
      await stranger.post('/v1/replays', { kind: 'events', notification_id: own.notificationId, session_id: ids.sessions }),
    ];
    expect(attempts.map(({ status }) => status)).toEqual(attempts.map(() => 404));
  });

  test('a session of the same id is another session', async () => {
    expect((await stranger.post('/v1/sessions', { id: ids.sessions, agent_name: 'mine' })).body).toMatchObject({ created: true });
    await stranger.post(`/v1/sessions/${encodeURIComponent(ids.sessions!)}/events`, { type: 'Secret' });
    const seen = await owner.get(`/v1/sessions/${encodeURIComponent(ids.sessions!)}/events?type=Secret`);
    expect(seen.body.data).toEqual([]);
  });
});
