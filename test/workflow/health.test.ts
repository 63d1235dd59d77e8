import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeliverySettings } from '../../model/deliverySettings.ts';
import { listDeliveries } from '../../store/deliveries.ts';
import { type Integration, readIntegration, updateIntegration } from '../../store/integrations.ts';
import { listDecisions } from '../../store/sessionLog.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { deliveryOf, type EngineSession, event, sessionOf, startSession, type WebhookBody } from '../support/engineSession.ts';
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

let engine: Engine;
let endpoint: Receiver;
let operations: Receiver;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine?.close());
beforeEach(async () => {
  [endpoint, operations] = await Promise.all([startReceiver(), startReceiver()]);
});
afterEach(() => Promise.all([endpoint.close(), operations.close()]));

/** A session whose agent tells an endpoint everything, and operations what Herald says of its integrations. */
async function watchedSession(delivery: DeliverySettings): Promise<{ session: EngineSession; integrationId: string }> {
  const agent = await engine.agent(uniqueName('agent'));
  const integrationId = await engine.webhook(endpoint.url, { delivery, name: 'orders' });
  await engine.notify(agent.id, integrationId);
  const rules = ['IntegrationFailing', 'IntegrationDisabled'].map((name) => ({ event: name }));
  await engine.notify(agent.id, await engine.webhook(operations.url), { subscription: { mode: 'custom', rules } });
  return { session: await startSession(engine, { agents: [agent] }), integrationId };
}

const read = async (id: string): Promise<Integration> => (await readIntegration(engine.db, engine.organisationId, id))!;
const statusOf = async (session: EngineSession, id: string) => (await deliveryOf(engine, session, id)).status;
/** What operations were told of an integration. */
const told = (integrationId: string, name: string) => (received: Received[]) =>
  received.map(({ json }) => (json as unknown as WebhookBody).info).filter(({ event: type, payload }) => type === name && payload.integration_id === integrationId);

async function toldOnce(integrationId: string, name: string) {
  const ofIt = told(integrationId, name);
  return ofIt(await operations.waitFor((received) => ofIt(received).length > 0, 60_000))[0]!;
}

describe('an integration whose messages do not arrive', () => {
  it('is reported at its first dead letter, once until a message arrives again, and not to itself', async () => {
    endpoint.behave({ status: 500 });
    const { session, integrationId } = await watchedSession({ retry_schedule_s: [0.1] });
    await session.append(event('one'));
    await expect.poll(() => statusOf(session, 'one')).toBe('failed');
    const { payload, execution_id } = await toldOnce(integrationId, 'INTEGRATION_FAILING');
    expect(execution_id).toBe('herald');
    expect(payload).toMatchObject({
      integration_name: 'orders',
      integration_type: 'webhook',
      last_error: 'answered 500 Internal Server Error',
      reason: 'orders: a message was given up: answered 500 Internal Server Error',
      failing_since: expect.any(String),
    });
    await session.append(event('two'));
    await expect.poll(() => statusOf(session, 'two')).toBe('failed');
    await expect.poll(async () => (await read(integrationId)).health).toMatchObject({ failingSince: new Date(payload.failing_since as string), lastError: payload.last_error });

    endpoint.behave({});
    await session.append(event('three'));
    await expect.poll(() => statusOf(session, 'three')).toBe('delivered');
    await expect.poll(async () => (await read(integrationId)).health).toMatchObject({ failingSince: null, lastSuccessAt: expect.any(Date) });
    expect(told(integrationId, 'INTEGRATION_FAILING')(operations.received)).toHaveLength(1);

    endpoint.behave({ status: 500 });
    await session.append(event('four'));
    await operations.waitFor((received) => told(integrationId, 'INTEGRATION_FAILING')(received).length === 2, 60_000);
    expect(endpoint.received.filter(({ body }) => body.includes('INTEGRATION_'))).toEqual([]);
    const { items } = await listDecisions(engine.db, (await sessionOf(engine, 'herald')).key, {}, { limit: 100 });
    expect(items.flat().map(({ outcome }) => outcome)).toContain('itself');
  }, 120_000);

  it('is disabled after nothing but failures for its time, and the organisation told; nothing vanishes', async () => {
    endpoint.behave({ status: 500 });
    const { session, integrationId } = await watchedSession({ disable_after_s: 1, retry_schedule_s: [0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4] });
    await session.append(event('one'));
    const { payload } = await toldOnce(integrationId, 'INTEGRATION_DISABLED');
    expect(payload.reason).toMatch(/^orders: No message has arrived for \d seconds; the last error: answered 500/);
    expect(await read(integrationId)).toMatchObject({ enabled: false, disabledReason: expect.stringMatching(/^No message has arrived/) });

    const sentSoFar = endpoint.received.length;
    await expect.poll(() => statusOf(session, 'one')).toBe('failed');
    await session.append(event('two'));
    await session.decided();
    expect((await session.decisions()).filter(({ event: id }) => id === 'two').map(({ outcome }) => outcome)).toContain('disabled');
    const { items } = await listDeliveries(engine.db, engine.organisationId, { status: 'failed', integrationId, eventId: 'one' }, { limit: 10 });
    expect(items).toMatchObject([{ eventId: 'one', lastError: expect.stringContaining('The integration is disabled') }]);
    expect(endpoint.received).toHaveLength(sentSoFar);

    endpoint.behave({});
    await updateIntegration(engine.db, engine.organisationId, integrationId, () => ({ enabled: true }));
    expect(await read(integrationId)).toMatchObject({ enabled: true, disabledReason: null, health: { failingSince: null } });
    await session.append(event('three'));
    await expect.poll(() => statusOf(session, 'three')).toBe('delivered');
  }, 120_000);

  it('is not disabled while some messages arrive', async () => {
    const tried = new Set<string>();
    endpoint.behave(({ id }) => ({ status: tried.size < tried.add(id).size ? 500 : 200 }));
    const { session, integrationId } = await watchedSession({ disable_after_s: 1, retry_schedule_s: [0.3] });
    for (let index = 0; index < 4; index += 1) {
      await session.append(event(`e${index}`));
      await expect.poll(() => statusOf(session, `e${index}`)).toBe('delivered');
    }
    expect(await read(integrationId)).toMatchObject({ enabled: true, health: { failingSince: null } });
  }, 120_000);

  it('is disabled at once by 410 Gone, and the organisation told', async () => {
    endpoint.behave({ status: 410 });
    const { session, integrationId } = await watchedSession({});
    await session.append(event('one'));
    const { payload } = await toldOnce(integrationId, 'INTEGRATION_DISABLED');
    expect(payload).toMatchObject({ reason: 'orders: The endpoint answered 410 Gone.', last_error: expect.stringContaining('410') });
    expect(told(integrationId, 'INTEGRATION_FAILING')(operations.received)).toEqual([]);
  });
});

describe('a healthy destination', () => {
  it('costs one note of a success, however many messages arrive', async () => {
    const { session, integrationId } = await watchedSession({});
    const version = async () =>
      (await engine.db.selectFrom('integration_health').select('last_success_at').where('integration_id', '=', integrationId).executeTakeFirst())?.last_success_at;
    await session.append(event('one'));
    await expect.poll(() => statusOf(session, 'one')).toBe('delivered');
    const noted = await version();
    expect(noted).toBeInstanceOf(Date);
    await session.append(...Array.from({ length: 50 }, (_, index) => event(`e${index}`)));
    await expect.poll(() => statusOf(session, 'e49')).toBe('delivered');
    expect(await version()).toEqual(noted);
  });
});
