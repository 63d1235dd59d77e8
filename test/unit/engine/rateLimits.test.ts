import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTurns } from '../../../activities/turns.ts';
import type { RateLimit } from '../../../model/deliverySettings.ts';
import { type Db, openDatabase } from '../../../store/database.ts';
import { noteChannelId, reserveTurns } from '../../../store/rateLimits.ts';
import { createTestDatabase, type TestDatabase, uniqueName } from '../../support/stack.ts';

let database: TestDatabase;
let otherWorker: Db;

beforeAll(async () => {
  database = await createTestDatabase();
  otherWorker = openDatabase(database.url);
});
afterAll(async () => {
  await otherWorker?.destroy();
  await database?.close();
});

const request = (integrationId: string, count: number, limit: RateLimit, notBeforeMs = 0, channel = '') => ({ integrationId, channel, count, limit, notBeforeMs });
/** On a busy machine as much time passes between two calls. */
const SLACK_MS = 300;

function expectNear(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((ms, index) => expect(Math.abs(ms - expected[index]!), `${actual.join(', ')} is not ${expected.join(', ')}`).toBeLessThan(SLACK_MS));
}

describe('turns under a rate limit', () => {
  it('come at once for a burst after a quiet time, and evenly then', async () => {
    const [waits] = await reserveTurns(database.db, [request(uniqueName('int'), 6, { per_second: 1, burst: 3 })]);
    expectNear(waits!, [0, 0, 0, 1000, 2000, 3000]);
  });

  it('go on where the ones before them ended, whichever worker asks', async () => {
    const id = uniqueName('int');
    const limit = { per_second: 1, burst: 1 };
    const waits = [];
    for (const db of [database.db, otherWorker, database.db]) waits.push(...(await reserveTurns(db, [request(id, 2, limit)]))[0]!);
    expectNear(waits, [0, 1000, 2000, 3000, 4000, 5000]);
  });

  it('are never given twice to workers that ask at the same time', async () => {
    const id = uniqueName('int');
    const workers = [createTurns(database.db), createTurns(otherWorker)];
    const asked = Array.from({ length: 60 }, (_, index) => workers[index % 2]!.reserve(request(id, 1 + (index % 3), { per_second: 1, burst: 1 })));
    const waits = (await Promise.all(asked)).flat().toSorted((a, b) => a - b);
    expectNear(waits, Array.from({ length: 120 }, (_, index) => index * 1000));
  });

  it('are counted for each channel and each integration on its own', async () => {
    const [one, two] = [uniqueName('int'), uniqueName('int')];
    const limit = { per_second: 1, burst: 1 };
    const waits = await reserveTurns(database.db, [request(one, 2, limit, 0, '#a'), request(one, 2, limit, 0, '#b'), request(two, 2, limit, 0, '#a')]);
    for (const each of waits) expectNear(each, [0, 1000]);
  });

  it('of a channel whose id becomes known go on behind those given by its name and by its id', async () => {
    const id = uniqueName('int');
    const limit = { per_second: 1, burst: 1 };
    await reserveTurns(database.db, [request(id, 3, limit, 0, 'ops'), request(id, 2, limit, 0, 'C1')]);
    await noteChannelId(database.db, id, 'ops', 'C1');
    expectNear((await reserveTurns(database.db, [request(id, 1, limit, 0, 'C1')]))[0]!, [3000]);
    await noteChannelId(database.db, id, 'ops', 'C1');
    expectNear((await reserveTurns(database.db, [request(id, 1, limit, 0, 'C1')]))[0]!, [4000]);
  });

  it('begin after a pause that the destination asked for, without a burst into it', async () => {
    const [waits] = await reserveTurns(database.db, [request(uniqueName('int'), 3, { per_second: 1, burst: 2 }, 5000)]);
    expectNear(waits!, [5000, 5000, 6000]);
  });

  it('are reckoned anew when the limit changes: a raised one does not wait for what the old one gave away', async () => {
    const id = uniqueName('int');
    await reserveTurns(database.db, [request(id, 100, { per_second: 0.1, burst: 1 })]);
    const [waits] = await reserveTurns(database.db, [request(id, 2, { per_second: 1, burst: 1 })]);
    expectNear(waits!, [0, 1000]);
  });
});
