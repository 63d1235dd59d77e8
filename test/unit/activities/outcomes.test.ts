import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOutcomeRecorder } from '../../../activities/outcomes.ts';
import { createTestDelivery, readDelivery } from '../../../store/deliveries.ts';
import { leaseDelivery } from '../../../store/messages.ts';
import { createOrganisation } from '../../../store/organisations.ts';
import type { Outcome } from '../../../store/outcomes.ts';
import { createTestDatabase, type TestDatabase } from '../../support/stack.ts';

let database: TestDatabase;
let organisationId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  organisationId = (await createOrganisation(database.db, { name: 'test' })).id;
});
afterAll(() => database?.close());

async function leasedDelivery(): Promise<string> {
  const { id } = await createTestDelivery(database.db, { organisationId, integrationId: 'int_1', eventType: 'ExecutionFailed', event: {} });
  await leaseDelivery(database.db, id, { owner: 'me', ms: 60_000 });
  return id;
}

const outcome = (deliveryId: string, durationMs = 1): Outcome => ({
  deliveryId,
  owner: 'me',
  startedAt: new Date(),
  result: { ok: true, statusCode: 200, response: 'ok', durationMs },
  status: 'delivered',
  nextAttemptMs: null,
});

const statusOf = async (id: string) => (await readDelivery(database.db, organisationId, id))?.status;

describe('the recorder of outcomes', () => {
  it('stores those of concurrent sends', async () => {
    const recorder = createOutcomeRecorder(database.db, pino({ level: 'silent' }));
    const ids = await Promise.all(Array.from({ length: 20 }, leasedDelivery));
    await Promise.all(ids.map((id) => recorder.record(outcome(id))));
    expect(new Set(await Promise.all(ids.map(statusOf)))).toEqual(new Set(['delivered']));
  });

  it('does not let an outcome that cannot be stored fail the others', async () => {
    const recorder = createOutcomeRecorder(database.db, pino({ level: 'silent' }));
    const ids = await Promise.all(Array.from({ length: 4 }, leasedDelivery));
    // The third has a duration that no integer column takes.
    await Promise.all(ids.map((id, index) => recorder.record(outcome(id, index === 2 ? 1.5 : 1))));
    expect(await Promise.all(ids.map(statusOf))).toEqual(['delivered', 'delivered', 'pending', 'delivered']);
  });
});
