import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../chaos/freePort.ts';
import { newOrganisation } from '../support/api.ts';
import { type Caller, callerOf } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { startHeraldProcess } from '../support/heraldProcess.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { createTestDatabase } from '../support/stack.ts';

let api: EngineApi;
let caller: Caller;
let receiver: Receiver;

beforeAll(async () => {
  [api, receiver] = await Promise.all([startEngineApi({ worker: false }), startReceiver()]);
  caller = await api.newCaller();
});
afterAll(async () => {
  await api?.close();
  await receiver?.close();
});

interface Backlog {
  undecided: { events: number; sessions: number; oldest_age_s: number | null };
}

const idle = { undecided: { events: 0, sessions: 0, oldest_age_s: null }, deliveries: { pending: 0, oldest_pending_age_s: null, retrying: 0 }, requests: { waiting: 0, oldest_age_s: null } };

async function backlog(of = caller): Promise<Backlog> {
  const { status, body } = await of.get('/v1/backlog');
  expect(status).toBe(200);
  return body as unknown as Backlog;
}

it('a burst waits in Postgres, where its size and age can be seen, and drains to zero in the order of each session', async () => {
  const [sessions, requests, events] = [20, 5, 60];
  const { body: agent } = await caller.post('/v1/agents', { name: 'bursting' });
  const { body: integration } = await caller.post('/v1/integrations', { name: 'receiver', type: 'webhook', config: { url: receiver.url } });
  await caller.post(`/v1/agents/${agent.id}/notifications`, { integration_id: integration.id, subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  expect(await backlog()).toEqual(idle);

  const ids = Array.from({ length: sessions }, (_, index) => `burst-${index}`);
  await Promise.all(ids.map((id) => caller.post('/v1/sessions', { id, agent_id: agent.id })));
  const seen = [await backlog()];
  for (let request = 0; request < requests; request += 1) {
    const body = { events: Array.from({ length: events }, (_, index) => ({ id: `${request}/${index}`, type: index % 10 === 9 ? 'Reported' : 'llm' })) };
    await Promise.all(ids.map((id) => caller.post(`/v1/sessions/${id}/events`, body)));
    seen.push(await backlog());
  }
  expect(seen.map(({ undecided }) => undecided.events)).toEqual(Array.from({ length: requests + 1 }, (_, index) => sessions * (1 + index * events)));
  expect(seen).toEqual(seen.map(() => ({ ...idle, undecided: { events: expect.any(Number), sessions, oldest_age_s: expect.any(Number) } })));
  const ages = seen.map(({ undecided }) => undecided.oldest_age_s!);
  expect(ages, 'ages that grow').toEqual([...new Set(ages)].toSorted((a, b) => a - b));
  expect(await backlog(await api.newCaller()), 'of another organisation').toEqual(idle);

  await api.engine.startWorker();
  const left: number[] = [];
  await expect.poll(async () => left.push((await backlog()).undecided.events) && left.at(-1)).toBe(0);
  expect(left, 'a backlog that shrinks').toEqual(left.toSorted((a, b) => b - a));
  await expect.poll(() => backlog()).toEqual(idle);
  const sequences = Map.groupBy(receiver.received, ({ json }) => (json as { info: { execution_id: string } }).info.execution_id);
  expect(sequences.size).toBe(sessions);
  for (const [id, messages] of sequences) {
    const arrived = messages.map(({ headers }) => Number(headers['herald-sequence']));
    expect(arrived, id).toEqual(Array.from({ length: (requests * events) / 10 }, (_, index) => 10 * index + 11));
  }
});

it('a backlog of 20,000 events is in Postgres, and in no memory of an API process', async () => {
  const [sessions, rounds, events, connections] = [40, 10, 50, 4];
  const database = await createTestDatabase();
  const port = await freePort();
  const { organisationId, key } = await newOrganisation(database.db);
  const herald = await startHeraldProcess('api', {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    PORT: String(port),
    HERALD_SECRET_KEY: 'x'.repeat(32),
    HERALD_LOG_LEVEL: 'silent',
    // Less than it takes in. What is young is collected soon, so that the process has what it needs, and no more.
    NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=1',
  });
  const reporter = callerOf(`http://127.0.0.1:${port}`, organisationId, key);
  const ids = Array.from({ length: sessions }, (_, index) => `s${index}`);
  await Promise.all(ids.map((id) => reporter.post('/v1/sessions', { id, agent_name: 'busy' })));
  const statuses = new Set<number>();
  const residentMb: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const body = { events: Array.from({ length: events }, (_, index) => ({ id: `${round}/${index}`, type: 'llm', prompt: 'x'.repeat(2000) })) };
    const queue = [...ids];
    const work = async () => {
      for (let id = queue.shift(); id; id = queue.shift()) statuses.add((await reporter.post(`/v1/sessions/${id}/events`, body)).status);
    };
    await Promise.all(Array.from({ length: connections }, work));
    residentMb.push(residentMbOf(herald.pid));
  }
  expect([...statuses]).toEqual([200]);
  expect(await backlog(reporter)).toMatchObject({ undecided: { events: sessions * (1 + rounds * events), sessions } });
  const growth = residentMb.at(-1)! - residentMb[1]!;
  expect(growth, `MB after each round: ${residentMb.join(', ')}`).toBeLessThan(15);
  expect(await herald.stop()).toMatchObject({ exitCode: 0 });
  await database.close();
});

/** Memory that a process has. */
function residentMbOf(pid: number): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return Math.round((Number(pages) * 4096) / 1_048_576);
}
