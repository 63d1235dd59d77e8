import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { post, startSession, withKey, withToken } from '../support/api.ts';
import { boundWebhook, type Caller, type JsonAnswer } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { until } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

/** An operation of the OpenAPI document. */
interface Operation {
  method: string;
  path: string;
  /** Names of its query parameters but for those of paging, each with the values of its enumeration. */
  filters: Map<string, string[]>;
}

const SESSION = 'session of the owner';
const MESSAGE = 'what nobody else may read';

let api: EngineApi;
let receiver: Receiver;
let owner: Caller;
let stranger: Caller;
/** The owner's ids, by the first part of the paths they belong to. */
let ids: Record<string, string>;
/** What the owner's replay sends to. */
let later: { integrationId: string; notificationId: string };
/** Those that take an id in their address. */
let operations: Operation[];
/** Every operation that is documented. */
let everyOperation: Operation[];

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
const neededQueries: Record<string, string> = { '/v1/sessions/{id}/wait': '?until=running&timeout_s=0' };

/** Values with which filters find something of the owner's: each is tried, as are all of enumerations. */
const filterValues: Record<string, () => string[]> = {
  agent_id: () => [ids.agents!],
  integration_id: () => [ids.integrations!, later.integrationId],
  notification_id: () => [ids.notifications!, later.notificationId],
  session_id: () => [SESSION],
  replay_id: () => [ids.replays!],
  event_id: () => ['e1'],
  event_type: () => ['Reported'],
  created_after: () => ['2020-01-01T00:00:00Z'],
  created_before: () => ['2999-01-01T00:00:00Z'],
  tag: () => ['night-shift'],
  metadata: () => ['environment:production'],
  'name of /v1/agents': () => ['order-processing'],
  'type of /v1/integrations': () => ['webhook'],
  'type of /v1/sessions/{id}/events': () => ['Reported'],
};
/** What is no filter, or finds nothing at a webhook. */
const noFilters = ['until', 'timeout_s', 'after_seq', 'search'];

/** What agents call, with a key and another organisation's session in the body, or with a session's own token. */
const agentOperations: Record<string, Record<string, unknown>> = {
  create_session: { session: { id: SESSION, tags: ['stolen'] } },
  sessions: { id: SESSION, tags: ['stolen'] },
  reauthorize_jwt: { session_id: SESSION },
  developer_errors: { session_id: SESSION, error_message: 'x' },
  update_session: { session: { id: SESSION, end_state: 'Fail' } },
  create_events: { events: [{ id: 'e1', session_id: SESSION, type: 'Stolen' }] },
  update_events: { events: [{ id: 'e1', session_id: SESSION, payload: { stolen: true } }] },
  create_agent: { id: 'a', session_id: SESSION, name: 'stolen' },
  create_thread: { id: 't', session_id: SESSION },
};

beforeAll(async () => {
  [api, receiver] = await Promise.all([startEngineApi(), startReceiver()]);
  [owner, stranger] = await Promise.all([api.newCaller(), api.newCaller()]);
  const { agentId, integrationId, notificationId } = await boundWebhook(owner, 'order-processing', receiver.url);
  const idle = await owner.post('/v1/integrations', { name: 'idle', type: 'webhook', config: { url: receiver.url }, enabled: false });
  await owner.post(`/v1/agents/${agentId}/notifications`, { integration_id: idle.body.id, subscription: { mode: 'all' }, enabled: false });
  await owner.post('/v1/sessions', { id: SESSION, agent_id: agentId, tags: ['night-shift', 'environment:production'] });
  await owner.post(`/v1/sessions/${encodeURIComponent(SESSION)}/events`, { events: [{ id: 'e1', type: 'Reported', message: MESSAGE }] });
  const asked = await owner.post(`/v1/sessions/${encodeURIComponent(SESSION)}/confirmations`, { message: MESSAGE });
  const { body: delivery } = await owner.post(`/v1/integrations/${integrationId}/test`, {});
  const { body: key } = await owner.post('/v1/api_keys', { name: 'second', scopes: ['admin'] });
  const other = await owner.post('/v1/integrations', { name: 'other', type: 'webhook', config: { url: receiver.url } });
  const replaying = await owner.post(`/v1/agents/${agentId}/notifications`, { integration_id: other.body.id, subscription: { mode: 'all' } });
  later = { integrationId: other.body.id, notificationId: replaying.body.id };
  const { body: replay } = await owner.post('/v1/replays', { kind: 'events', notification_id: later.notificationId });
  ids = {
    agents: agentId,
    integrations: integrationId,
    notifications: notificationId,
    sessions: SESSION,
    deliveries: delivery.id,
    confirmations: asked.body.id,
    api_keys: key.id,
    replays: replay.id,
  };
  await until(async () => (await owner.get(`/v1/replays/${replay.id}`)).body.status === 'completed', 'the replay to end');
  await until(async () => (await owner.get('/v1/deliveries?limit=200')).body.data.every(({ status }) => status === 'delivered'), 'every message to arrive');
  everyOperation = await documented();
  operations = everyOperation.filter(({ path }) => path.startsWith('/v1/') && path.includes('{'));
});
afterAll(async () => {
  await api?.close();
  await receiver?.close();
});

async function documented(): Promise<Operation[]> {
  const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { parameters?: { name: string; in: string; schema?: { enum?: string[] } }[] }>>;
  };
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]) => {
      const filters = parameters.filter((each) => each.in === 'query' && each.name !== 'limit' && each.name !== 'cursor');
      return { method, path, filters: new Map(filters.map(({ name, schema }) => [name, schema?.enum ?? []])) };
    }),
  );
}

/** Every filter of a list with the owner's values, as parts of addresses. */
function filtersOf({ path, filters }: Operation): { name: string; queries: string[] }[] {
  return Array.from(filters)
    .filter(([name]) => !noFilters.includes(name))
    .map(([name, values]) => {
      const value = filterValues[`${name} of ${path}`] ?? filterValues[name];
      if (values.length === 0 && !value) throw new Error(`give ${name} of ${path} a value of the owner in filterValues`);
      return { name, queries: (value?.() ?? values).map((each) => `${name}=${encodeURIComponent(each)}`) };
    });
}

function topLists(): Operation[] {
  return everyOperation.filter(({ method, path }) => method === 'get' && path.startsWith('/v1/') && !path.includes('{'));
}

/** Lists below an id. */
function innerLists(): Operation[] {
  return operations.filter(({ method, filters }) => method === 'get' && Array.from(filters.keys()).some((name) => !noFilters.includes(name)));
}

/** Everything that must not be in an answer to anybody else. */
function secrets(): string[] {
  return [...Object.values(ids).filter((id) => id !== SESSION), ...Object.values(later), owner.organisationId, MESSAGE, 'night-shift'];
}

function call(caller: Caller, { method, path }: Pick<Operation, 'method' | 'path'>, id: string): Promise<JsonAnswer> {
  const address = path.replace('{id}', encodeURIComponent(id)).replace('{cid}', ids.confirmations!);
  const body = bodies[`${method} ${path}`];
  if (method === 'get') return caller.get(address + (neededQueries[path] ?? ''));
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
  const below = ['', '/events', '/decisions', '/deliveries', '/confirmations'].map((part) => `sessions/${encodeURIComponent(SESSION)}${part}`);
  return Promise.all([...lists, ...below].map(async (list) => (await owner.get(`/v1/${list}`)).body));
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

  test("finds nothing with any filter of any list, given the owner's values", async () => {
    expect(topLists().length).toBeGreaterThanOrEqual(8);
    for (const list of topLists()) {
      const { path } = list;
      for (const { name, queries } of [{ name: '', queries: [''] }, ...filtersOf(list)]) {
        const found = await Promise.all(queries.map(async (query) => (await owner.get(`${path}?${query}`)).body.data));
        if (name !== '') expect(found.flat().length, `the owner at ${path} by ${name}`).toBeGreaterThan(0);
        for (const query of queries) {
          const { status, body } = await stranger.get(`${path}?${query}`);
          expect(status, `${path}?${query}`).toBe(200);
          if (name !== '') expect(body, `${path}?${query}`).toEqual({ data: [], next_cursor: null });
          for (const secret of secrets()) expect(JSON.stringify(body), `${path}?${query}`).not.toContain(secret);
        }
      }
    }
  });

  test("finds nothing below the owner's ids with any filter", async () => {
    expect(innerLists().length).toBeGreaterThanOrEqual(5);
    for (const list of innerLists()) {
      const id = encodeURIComponent(ownersId(list));
      for (const { name, queries } of filtersOf(list)) {
        const found = await Promise.all(queries.map(async (query) => (await owner.get(`${list.path.replace('{id}', id)}?${query}`)).body.data));
        expect(found.flat().length, `the owner at ${list.path} by ${name}`).toBeGreaterThan(0);
        for (const query of queries) {
          const answer = await stranger.get(`${list.path.replace('{id}', id)}?${query}`);
          expect(answer.status, `${list.path}?${query}`).toBe(404);
          expect(said(answer, ownersId(list))).toBe(said(await stranger.get(`${list.path.replace('{id}', 'unknown')}?${query}`), 'unknown'));
        }
      }
    }
  });

  test('every operation without an id in its address is known to this test', async () => {
    const plain = everyOperation.filter(({ method, path }) => path.startsWith('/v1/') && method !== 'get' && !path.includes('{'));
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
      await stranger.post(`/v1/notifications/${own.notificationId}/preview`, { session_id: SESSION, event_id: 'e1' }),
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

  test('a session of the same id is another session, and nothing below it is found', async () => {
    expect((await stranger.post('/v1/sessions', { id: SESSION, agent_name: 'mine' })).body).toMatchObject({ created: true });
    const own = `/v1/sessions/${encodeURIComponent(SESSION)}`;
    await stranger.post(`${own}/events`, { type: 'Secret' });
    expect((await owner.get(`${own}/events?type=Secret`)).body.data).toEqual([]);
    for (const list of innerLists().filter(({ path }) => path.startsWith('/v1/sessions/'))) {
      for (const query of filtersOf(list).flatMap((each) => each.queries)) {
        const { status, body } = await stranger.get(`${list.path.replace('{id}', encodeURIComponent(SESSION))}?${query}`);
        expect([status, body.data], `${list.path}?${query}`).toEqual([200, []]);
      }
    }
    const { agentId } = await boundWebhook(stranger, 'another of my own');
    expect((await stranger.get(`/v1/agents/${agentId}/notifications?integration_id=${ids.integrations}`)).body.data).toEqual([]);
    for (const [method, path, body] of [['get', '', undefined], ['post', '/decision', { decision: 'approve' }]] as const) {
      const answers = [ids.confirmations!, 'unknown'].map(async (cid) => said(await stranger[method](`${own}/confirmations/${cid}${path}`, body), cid));
      const [theirs, unknown] = await Promise.all(answers);
      expect(theirs).toBe(unknown);
      expect(theirs).toContain('"status":404');
    }
    expect((await owner.get(`${own}/confirmations/${ids.confirmations}`)).body.status).toBe('pending');
  });

  test("every operation that agents call leaves the owner's session alone, and tells nothing of it", async () => {
    const called = everyOperation.filter(({ method, path }) => method === 'post' && !path.startsWith('/v1/')).map(({ path }) => path);
    expect(new Set(called.map((path) => path.split('/').at(-1)))).toEqual(new Set(Object.keys(agentOperations)));
    const before = await everythingOfTheOwner();
    const token = await startSession({ url: api.url, key: stranger.key }, { session_id: 'a session of my own' });
    for (const path of called) {
      const body = agentOperations[path.split('/').at(-1)!]!;
      const unknown = JSON.parse(JSON.stringify(body).replaceAll(SESSION, 'an unknown one')) as unknown;
      const headers = everyKey(path) ? withKey(stranger.key) : withToken(token);
      const [theirs, nobodys] = [await post(api.url + path, body, headers), await post(api.url + path, unknown, headers)];
      expect(theirs.status, path).toBe(nobodys.status);
      for (const secret of secrets()) expect(JSON.stringify(theirs.body), path).not.toContain(secret);
    }
    expect(await everythingOfTheOwner()).toEqual(before);
  });

  test('the token of a session opens no other session, whoever owns it', async () => {
    const token = await startSession({ url: api.url, key: stranger.key }, { session_id: 'another session of my own' });
    for (const path of ['wait?until=running&timeout_s=0', 'stream']) {
      const tries = [SESSION, 'unknown'].map(async (id) => {
        const answer = await fetch(`${api.url}/v1/sessions/${encodeURIComponent(id)}/${path}`, { headers: withToken(token) });
        return said({ status: answer.status, headers: answer.headers, body: await answer.json() as JsonAnswer['body'] }, id);
      });
      const [theirs, unknown] = await Promise.all(tries);
      expect(theirs, path).toBe(unknown);
      expect(theirs, path).toMatch(/"status":40[34]/);
    }
  });
});

/** Whether an operation takes the key itself instead of a session's token. */
function everyKey(path: string): boolean {
  return ['create_session', 'sessions', 'reauthorize_jwt', 'developer_errors'].includes(path.split('/').at(-1)!);
}
