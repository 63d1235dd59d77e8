import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Caller } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

const SESSIONS = 20;
const EVENTS = 30;

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

const idle = { undecided: { events: 0, sessions: 0, oldest_age_s: null }, deliveries: { pending: 0, oldest_pending_age_s: null, retrying: 0 }, requests: { waiting: 0, oldest_age_s: null } };

async function backlog(of = caller): Promise<Record<string, unknown>> {
  const { status, body } = await of.get('/v1/backlog');
  expect(status).toBe(200);
  return body;
}

it('a burst waits in Postgres, where its size and age can be seen, and drains to zero in the order of each session', async () => {
  const { body: agent } = await caller.post('/v1/agents', { name: 'bursting' });
  const { body: integration } = await caller.post('/v1/integrations', { name: 'receiver', type: 'webhook', config: { url: receiver.url } });
  await caller.post(`/v1/agents/${agent.id}/notifications`, { integration_id: integration.id, subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  expect(await backlog()).toEqual(idle);

  const ids = Array.from({ length: SESSIONS }, (_, index) => `burst-${index}`);
  await Promise.all(ids.map((id) => caller.post('/v1/sessions', { id, agent_id: agent.id })));
  await Promise.all(
    ids.flatMap((id) =>
      [0, 1, 2].map((part) => {
        const events = Array.from({ length: EVENTS / 3 }, (_, index) => ({ id: `${id}/${part}/${index}`, type: 'Reported' }));
        return caller.post(`/v1/sessions/${id}/events`, { events });
      }),
    ),
  );
  expect(await backlog()).toEqual({ ...idle, undecided: { events: SESSIONS * (EVENTS + 1), sessions: SESSIONS, oldest_age_s: expect.any(Number) } });
  expect(await backlog(await api.newCaller()), 'of another organisation').toEqual(idle);

  await api.engine.startWorker();
  await expect.poll(() => backlog()).toEqual(idle);
  const sequences = Map.groupBy(receiver.received, ({ json }) => (json as { info: { execution_id: string } }).info.execution_id);
  expect(sequences.size).toBe(SESSIONS);
  for (const [id, messages] of sequences) {
    const arrived = messages.map(({ headers }) => Number(headers['herald-sequence']));
    expect(arrived, id).toEqual(Array.from({ length: EVENTS }, (_, index) => index + 2));
  }
});
