import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiProcessSettings, type RunningApi, startApi } from '../../api/process.ts';
import { startPostgres, type PostgresPart } from '../../embedded/postgres.ts';
import { openDatabase } from '../../store/database.ts';
import { signalAll, withDescendants } from '../chaos/processTree.ts';
import { newOrganisation } from '../support/api.ts';
import { boundWebhook, type Caller, callerOf, type JsonAnswer } from '../support/caller.ts';
import { type PostgresFault, type PostgresProxy, startPostgresProxy } from '../support/postgresProxy.ts';
import { createTestDatabase } from '../support/stack.ts';

interface ApiOverPostgres {
  api: RunningApi;
  caller: Caller;
}

const FROZEN_MS = 3000;

/** A whole API process' worth of API, while the Temporal server is away. */
async function startOn(databaseUrl: string): Promise<ApiOverPostgres> {
  const settings: ApiProcessSettings = {
    port: 0,
    databaseUrl,
    databaseMaxConnections: 10,
    temporal: { address: '127.0.0.1:1', namespace: 'default' },
    publicUrl: 'http://herald.test',
    secretKey: 'a secret key for tests, long enough',
    previousSecretKeys: [],
    allowedDestinations: [],
    limits: { requestBytes: 1_048_576, eventBytes: 65_536, eventsPerRequest: 100 },
    tokenPrices: {},
    shutdownGraceMs: 2000,
  };
  const api = await startApi(settings, pino({ level: 'silent' }));
  const db = openDatabase(databaseUrl);
  const { organisationId, key } = await newOrganisation(db);
  await db.destroy();
  return { api, caller: callerOf(`http://127.0.0.1:${api.port}`, organisationId, key) };
}

async function storedIds(caller: Caller, session: string): Promise<string[]> {
  const { body } = await caller.get(`/v1/sessions/${session}/events?limit=200`);
  return body.data.map(({ id }) => id).toReversed();
}

async function behindProxy(): Promise<ApiOverPostgres & { proxy: PostgresProxy; close: () => Promise<void> }> {
  const database = await createTestDatabase();
  await database.close();
  const proxy = await startPostgresProxy(database.url);
  const herald = await startOn(proxy.url);
  await herald.caller.post('/v1/sessions', { id: 's' });
  const close = async () => {
    await proxy.close();
    await herald.api.stop();
  };
  return { ...herald, proxy, close };
}

describe('while Postgres restarts', () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'herald-restart-'));
  const quiet = () => {};
  let postgres: PostgresPart;
  let herald: ApiOverPostgres;

  beforeAll(async () => {
    postgres = await startPostgres({ dataDir, log: quiet });
    herald = await startOn(postgres.url);
  });
  afterAll(async () => {
    await herald?.api.stop();
    await postgres?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('requests of every kind wait, and are answered as ever; events are stored once, in their order', async () => {
    const { caller } = herald;
    const sessions = ['a', 'b', 'c', 'd'];
    for (const id of sessions) await caller.post('/v1/sessions', { id });
    const statuses: number[] = [];
    const stopping = new AbortController();
    const { signal } = stopping;
    const report = async (id: string) => {
      for (let number = 1; !signal.aborted && number <= 190; number += 1) {
        const headers: Record<string, string> = number % 2 === 0 ? { 'Idempotency-Key': `${id}${number}` } : {};
        const { status } = await caller.post(`/v1/sessions/${id}/events`, { events: [{ id: `${id}${number}`, type: 'llm' }] }, headers);
        statuses.push(status);
      }
    };
    const create = async () => {
      for (let number = 1; !signal.aborted; number += 1) statuses.push((await caller.post('/v1/sessions', { id: `new ${number}` })).status);
    };
    const read = async () => {
      while (!signal.aborted) {
        for (const route of ['/v1/agents', '/v1/sessions/a', '/v1/backlog']) statuses.push((await caller.get(route)).status);
        await sleep(20);
      }
    };
    const load = Promise.all([...sessions.map(report), create(), read()]);
    await expect.poll(() => statuses.length).toBeGreaterThan(20);
    await postgres.stop();
    postgres = await startPostgres({ dataDir, log: quiet });
    const before = statuses.length;
    await expect.poll(() => statuses.length).toBeGreaterThan(before + 20);
    stopping.abort();
    await load;
    expect(statuses.filter((status) => status >= 300)).toEqual([]);
    for (const id of sessions) {
      const ids = await storedIds(caller, id);
      expect(ids.slice(1), `events of ${id}`).toEqual(ids.slice(1).map((_, index) => `${id}${index + 1}`));
    }
  });

  /** Ids of what the database has, revoked keys included. */
  async function storedRows(table: 'agents' | 'integrations' | 'notifications' | 'api_keys'): Promise<string[]> {
    const db = openDatabase(postgres.url, { maxConnections: 1 });
    const rows = await db.selectFrom(table).select('id').execute();
    await db.destroy();
    return rows.map(({ id }) => id).toSorted();
  }

  it('or is frozen for some seconds, requests wait, and are answered as ever', async () => {
    const { caller } = herald;
    for (const id of ['frozen', 'frozen too']) await caller.post('/v1/sessions', { id });
    const family = withDescendants(postgres.pid);
    signalAll(family, 'SIGSTOP');
    const begun = performance.now();
    const events = Array.from({ length: 20 }, (_, index) => caller.post('/v1/sessions/frozen/events', { events: [{ id: `f${index}`, type: 'llm' }] }));
    const others = [caller.post('/v1/sessions', { id: 'begun meanwhile' }), caller.get('/v1/agents'), caller.post('/v1/agents', { name: 'made meanwhile' })];
    await sleep(FROZEN_MS);
    signalAll(family, 'SIGCONT');
    const statuses = (await Promise.all([...events, ...others])).map(({ status }) => status);
    expect(performance.now() - begun).toBeGreaterThan(FROZEN_MS);
    expect(statuses).toEqual([...events.map(() => 200), 201, 200, 201]);
    expect(await storedIds(caller, 'frozen')).toEqual(['frozen:started', ...events.map((_, index) => `f${index}`)]);
  });

  it('changes of the configuration wait, too, and each is made once', async () => {
    const { caller } = herald;
    const { agentId, integrationId } = await boundWebhook(caller, 'changing');
    const wanted = {
      'create agent': 201,
      'rename agent': 200,
      'delete agent': 204,
      'create integration': 201,
      'change integration': 200,
      'delete integration': 204,
      'create notification': 201,
      'change notification': 200,
      'delete notification': 204,
      'create key': 201,
      'revoke key': 204,
      'change organisation': 200,
    };
    const statuses = Object.fromEntries(Object.keys(wanted).map((name) => [name, [] as number[]]));
    const stopping = new AbortController();
    const { signal } = stopping;
    const created = {
      agents: await storedRows('agents'),
      integrations: await storedRows('integrations'),
      notifications: await storedRows('notifications'),
      api_keys: await storedRows('api_keys'),
    };
    const noted = async (name: keyof typeof wanted, answer: Promise<JsonAnswer>) => {
      const { status, body } = await answer;
      statuses[name]!.push(status);
      return body;
    };
    const again = async (change: (number: number) => Promise<void>) => {
      for (let number = 1; !signal.aborted; number += 1) await change(number);
    };
    const subscription = { mode: 'all' };
    const config = { url: 'https://hooks.example.com/x' };
    const load = Promise.all([
      again(async (number) => {
        const { id } = await noted('create agent', caller.post('/v1/agents', { name: `agent ${number}` }));
        created.agents.push(id);
        await noted('rename agent', caller.patch(`/v1/agents/${id}`, { name: `renamed ${number}` }));
        if (number % 2 === 0) await noted('delete agent', caller.delete(`/v1/agents/${created.agents.pop()}`));
      }),
      again(async (number) => {
        const { id } = await noted('create integration', caller.post('/v1/integrations', { name: `${number}`, type: 'webhook', config }));
        created.integrations.push(id);
        await noted('change integration', caller.patch(`/v1/integrations/${id}`, { enabled: number % 2 === 0 }));
        if (number % 2 === 0) await noted('delete integration', caller.delete(`/v1/integrations/${created.integrations.pop()}`));
      }),
      again(async (number) => {
        const { id } = await noted('create notification', caller.post(`/v1/agents/${agentId}/notifications`, { integration_id: integrationId, subscription }));
        created.notifications.push(id);
        await noted('change notification', caller.patch(`/v1/notifications/${id}`, { metadata_filter: { number } }));
        if (number % 2 === 0) await noted('delete notification', caller.delete(`/v1/notifications/${created.notifications.pop()}`));
      }),
      again(async (number) => {
        const { id } = await noted('create key', caller.post('/v1/api_keys', { name: `key ${number}`, scopes: ['ingest'] }));
        created.api_keys.push(id);
        await noted('revoke key', caller.delete(`/v1/api_keys/${id}`));
      }),
      again(async (number) => {
        await noted('change organisation', caller.patch('/v1/organisation', { timeouts: { idle_s: number } }));
      }),
    ]);
    const answers = () => Math.min(...Object.values(statuses).map(({ length }) => length));
    await expect.poll(answers).toBeGreaterThan(3);
    await postgres.stop();
    postgres = await startPostgres({ dataDir, log: quiet });
    const before = answers();
    await expect.poll(answers).toBeGreaterThan(before + 3);
    stopping.abort();
    await load;
    expect(statuses).toEqual(Object.fromEntries(Object.entries(wanted).map(([name, status]) => [name, statuses[name]!.map(() => status)])));
    // What was made twice would be there although nobody was told of it.
    for (const [table, ids] of Object.entries(created)) expect(await storedRows(table as keyof typeof created), table).toEqual(ids.toSorted());
  });
});

describe('when Postgres is slow', () => {
  it('requests wait for it, which shows in the backlog, and all are stored in their order', async () => {
    const { caller, proxy, close } = await behindProxy();
    expect((await caller.get('/v1/backlog')).body.requests).toEqual({ waiting: 0, oldest_age_s: null });
    proxy.slowDown(250);
    const statuses: number[] = [];
    const stopping = new AbortController();
    const reporting = Promise.all(
      ['a', 'b', 'c'].map(async (client) => {
        for (let number = 10; !stopping.signal.aborted; number += 1) statuses.push((await caller.post('/v1/sessions/s/events', { events: [{ id: `${client}${number}`, type: 'llm' }] })).status);
      }),
    );
    const seen = async () => (await caller.get('/v1/backlog')).body.requests as { waiting: number; oldest_age_s: number };
    await expect.poll(seen).toMatchObject({ waiting: 3 });
    await expect.poll(async () => (await seen()).oldest_age_s).toBeGreaterThan(0.25);
    proxy.slowDown(0);
    stopping.abort();
    await reporting;
    expect(await seen()).toEqual({ waiting: 0, oldest_age_s: null });
    expect(statuses).toEqual(statuses.map(() => 200));
    const stored = (await storedIds(caller, 's')).slice(1);
    expect(stored).toHaveLength(statuses.length);
    for (const client of ['a', 'b', 'c']) {
      const own = stored.filter((id) => id.startsWith(client));
      expect(own, 'in their order').toEqual(own.toSorted());
    }
    await close();
  });
});

describe.concurrent('when the connection to Postgres breaks while the configuration is changed,', () => {
  it.each<[string, PostgresFault['breaks']]>([
    ['before Postgres hears of it', 'unheard'],
    ['before it is committed', 'uncommitted'],
    ['after it was committed, with no answer', 'unanswered'],
  ])('%s, it is changed once and answered as ever', async (_, when) => {
    const { caller, proxy, close } = await behindProxy();
    const changed = async (statement: RegExp, change: () => Promise<JsonAnswer>) => {
      const broken = proxy.breakOnce({ statement, breaks: when });
      const answer = await change();
      await broken;
      return answer;
    };
    const agent = await changed(/insert into "agents"/, () => caller.post('/v1/agents', { name: 'orders' }));
    const renamed = await changed(/update "agents"/, () => caller.patch(`/v1/agents/${agent.body.id}`, { name: 'payments' }));
    const key = await changed(/insert into "api_keys"/, () => caller.post('/v1/api_keys', { name: 'spare', scopes: ['ingest'] }));
    const revoked = await changed(/update "api_keys"/, () => caller.delete(`/v1/api_keys/${key.body.id}`));
    const { body: keys } = await caller.get('/v1/api_keys');
    const { body: agents } = await caller.get('/v1/agents');
    expect([agent, renamed, key, revoked].map(({ status }) => status)).toEqual([201, 200, 201, 204]);
    expect(agents.data).toMatchObject([{ id: agent.body.id, name: 'payments' }]);
    expect(keys.data).toMatchObject([{ id: key.body.id, revoked_at: expect.any(String) }, { name: 'test' }]);
    expect((await changed(/delete from "agents"/, () => caller.delete(`/v1/agents/${agent.body.id}`))).status).toBe(204);
    expect((await caller.get('/v1/agents')).body.data).toEqual([]);
    await close();
  });
});

describe.concurrent('when Postgres does not come back', () => {
  const requests: [string, (caller: Caller) => ReturnType<Caller['get']>][] = [
    ['events', (caller) => caller.post('/v1/sessions/s/events', { events: [{ id: 'e', type: 'llm' }] })],
    [
      'events with an idempotency key',
      (caller) => caller.post('/v1/sessions/s/events', { events: [{ id: 'f', type: 'llm' }] }, { 'Idempotency-Key': 'f' }),
    ],
    ['a new session', (caller) => caller.post('/v1/sessions', { id: 't' })],
    ['an agent', (caller) => caller.post('/v1/agents', { name: 'orders' })],
    ['more about a session', (caller) => caller.post('/v2/create_session', { session: { id: 's', tags: ['late'] } }, { 'X-Agentops-Api-Key': caller.key })],
  ];

  it.each([
    ['refuses connections', 'goAway'],
    ['says nothing any more', 'fallSilent'],
  ] as const)('and %s, requests are told after at least 15 s to try again later, and it works again as soon as it can', async (_, fault) => {
    const { caller, proxy, close } = await behindProxy();
    proxy[fault]();
    const begun = performance.now();
    const answers = await Promise.all(
      requests.map(async ([name, ask]) => {
        const { status, headers } = await ask(caller);
        const seconds = (performance.now() - begun) / 1000;
        return { name, status, retryAfter: Number(headers.get('retry-after')), inTime: seconds > 14.5 && seconds < 19 };
      }),
    );
    expect(answers).toEqual(requests.map(([name]) => ({ name, status: 503, retryAfter: 5, inTime: true })));
    proxy.comeBack();
    for (const [name, ask] of requests) expect((await ask(caller)).status, name).toBeLessThan(300);
    expect(await storedIds(caller, 's')).toEqual(expect.arrayContaining(['e', 'f']));
    await close();
  }, 120_000);

  it('and has not said whether a change was committed, its caller is told that nobody knows', async () => {
    const { caller, proxy, close } = await behindProxy();
    const broken = proxy.breakOnce({ statement: /insert into "agents"/, breaks: 'unanswered' }).then(() => proxy.goAway());
    const { status, headers, body } = await caller.post('/v1/agents', { name: 'orders' });
    await broken;
    expect([status, headers.get('retry-after'), body.detail]).toEqual([503, '5', expect.stringMatching(/^The database did not say whether the change was made/)]);
    proxy.comeBack();
    expect((await caller.get('/v1/agents')).body.data).toMatchObject([{ name: 'orders' }]);
    await close();
  }, 120_000);
});
