import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiProcessSettings, type RunningApi, startApi } from '../../api/process.ts';
import { startPostgres, type PostgresPart } from '../../embedded/postgres.ts';
import { openDatabase } from '../../store/database.ts';
import { newOrganisation } from '../support/api.ts';
import { type Caller, callerOf } from '../support/caller.ts';
import { type PostgresProxy, startPostgresProxy } from '../support/postgresProxy.ts';
import { createTestDatabase } from '../support/stack.ts';

interface ApiOverPostgres {
  api: RunningApi;
  caller: Caller;
}

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
});

describe.concurrent('when Postgres does not come back', () => {
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

  const requests: [string, (caller: Caller) => ReturnType<Caller['get']>][] = [
    ['events', (caller) => caller.post('/v1/sessions/s/events', { events: [{ id: 'e', type: 'llm' }] })],
    [
      'events with an idempotency key',
      (caller) => caller.post('/v1/sessions/s/events', { events: [{ id: 'f', type: 'llm' }] }, { 'Idempotency-Key': 'f' }),
    ],
    ['a new session', (caller) => caller.post('/v1/sessions', { id: 't' })],
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
});
