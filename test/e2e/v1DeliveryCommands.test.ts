import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Caller } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

let herald: EngineApi;
let receiver: Receiver;
let caller: Caller;
let integrationId: string;

beforeAll(async () => {
  // The first retry would come after an hour.
  const timings = { send: { patienceMs: 400, leaseMs: 3000, leaseMarginMs: 1000, attemptLeaseMs: 1500, retrySchedule: [0, 3_600_000] } };
  [herald, receiver] = await Promise.all([startEngineApi({ timings }), startReceiver()]);
  caller = await herald.newCaller();
  integrationId = (await caller.post('/v1/integrations', { name: 'hook', type: 'webhook', config: { url: receiver.url } })).body.id;
});
afterAll(async () => {
  await herald?.close();
  await receiver?.close();
});
beforeEach(() => receiver.behave({ status: 200 }));

async function sendTest(): Promise<string> {
  return (await caller.post(`/v1/integrations/${integrationId}/test`, {})).body.id;
}

function expectStatus(id: string, status: string, attempts: number): Promise<void> {
  return expect
    .poll(async () => (await caller.get(`/v1/deliveries/${id}`)).body, { timeout: 15_000 })
    .toMatchObject({ status, attempt_count: attempts });
}

test('a delivery that waits for its next attempt is tried now, and keeps its webhook-id', async () => {
  receiver.behave({ status: 500 });
  const id = await sendTest();
  await expectStatus(id, 'retrying', 1);
  receiver.behave({ status: 200 });
  expect((await caller.post(`/v1/deliveries/${id}/retry`)).status).toBe(202);
  await expectStatus(id, 'delivered', 2);
  expect(receiver.received.filter((message) => message.id === id)).toHaveLength(2);
});

test('one that has arrived is sent again', async () => {
  const id = await sendTest();
  await expectStatus(id, 'delivered', 1);
  expect((await caller.post(`/v1/deliveries/${id}/retry`)).body).toMatchObject({ status: 'pending', completed_at: null });
  await expectStatus(id, 'delivered', 2);
});

test('a cancelled delivery is tried no more, unless somebody wants it after all', async () => {
  receiver.behave({ status: 500 });
  const id = await sendTest();
  await expectStatus(id, 'retrying', 1);
  const cancelled = await caller.post(`/v1/deliveries/${id}/cancel`);
  expect(cancelled.body).toMatchObject({ status: 'cancelled', last_error: 'Cancelled by hand', next_attempt_at: null });
  const again = await caller.post(`/v1/deliveries/${id}/cancel`);
  expect([again.status, again.body.current_status]).toEqual([409, 'cancelled']);
  const handle = herald.engine.client.workflow.getHandle(`delivery/${id}`);
  expect(await handle.result()).toBe('cancelled');
  receiver.behave({ status: 200 });
  await caller.post(`/v1/deliveries/${id}/retry`);
  await expectStatus(id, 'delivered', 2);
});

test('one that is being sent at this moment is not sent a second time', async () => {
  receiver.behave({ delayMs: 1000 });
  const id = await sendTest();
  await receiver.waitFor((received) => received.some((message) => message.id === id));
  expect((await caller.post(`/v1/deliveries/${id}/retry`)).status).toBe(409);
  await expectStatus(id, 'delivered', 1);
});

test('one that is cancelled while it is being sent is not sent beside that, and afterwards it is', async () => {
  receiver.behave({ status: 500, delayMs: 1000 });
  const id = await sendTest();
  const ofIt = () => receiver.received.filter((message) => message.id === id);
  await receiver.waitFor(() => ofIt().length > 0);
  expect((await caller.post(`/v1/deliveries/${id}/cancel`)).status).toBe(200);
  expect((await caller.post(`/v1/deliveries/${id}/retry`)).status).toBe(409);
  await expectStatus(id, 'cancelled', 1);
  expect((await caller.post(`/v1/deliveries/${id}/retry`)).status).toBe(202);
  await receiver.waitFor(() => ofIt().length > 1);
  expect(ofIt()[1]!.at.getTime() - ofIt()[0]!.at.getTime()).toBeGreaterThanOrEqual(998);
});
