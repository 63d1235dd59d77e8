import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimKey, type IdempotencyClaim, pruneIdempotencyKeys, releaseKey, storeAnswer } from '../../../store/idempotency.ts';
import { createOrganisation } from '../../../store/organisations.ts';
import { createTestDatabase, type TestDatabase } from '../../support/stack.ts';

let database: TestDatabase;
let organisationId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  organisationId = (await createOrganisation(database.db, { name: 'test' })).id;
});
afterAll(() => database.close());

function claim(key: string, request = 'the request'): IdempotencyClaim {
  return { organisationId, key, requestHash: Buffer.from(request), claimant: randomUUID() };
}

async function grow(key: string, older: string): Promise<void> {
  await sql`update idempotency_keys set created_at = now() - ${older}::interval where key = ${key}`.execute(database.db);
}

test('of ten simultaneous requests with one key exactly one is to be answered', async () => {
  const results = await Promise.all(Array.from({ length: 10 }, () => claimKey(database.db, claim('crowded'))));
  expect(results.filter(({ outcome }) => outcome === 'claimed')).toHaveLength(1);
  expect(results.filter(({ outcome }) => outcome === 'in_progress')).toHaveLength(9);
});

test('answers a repeated request with the first answer, and refuses the key for another request', async () => {
  const first = claim('answered');
  await claimKey(database.db, first);
  await storeAnswer(database.db, first, { status: 201, body: 'sealed' });
  expect(await claimKey(database.db, claim('answered'))).toEqual({ outcome: 'answered', status: 201, body: 'sealed' });
  expect(await claimKey(database.db, claim('answered', 'another'))).toEqual({ outcome: 'mismatch' });
});

test('a request that claims again, because it did not hear of its claim, has it; another one has not', async () => {
  const first = claim('unheard');
  await claimKey(database.db, first);
  expect(await claimKey(database.db, first)).toEqual({ outcome: 'claimed' });
  expect(await claimKey(database.db, claim('unheard'))).toEqual({ outcome: 'in_progress' });
});

test('a key is released and answered only by the request that has it', async () => {
  const holder = claim('held');
  await claimKey(database.db, holder);
  await releaseKey(database.db, claim('held'));
  await storeAnswer(database.db, claim('held'), { status: 201, body: 'of somebody else' });
  expect(await claimKey(database.db, claim('held'))).toEqual({ outcome: 'in_progress' });
});

test('a released key may be used again', async () => {
  const first = claim('released');
  await claimKey(database.db, first);
  await releaseKey(database.db, first);
  expect(await claimKey(database.db, claim('released', 'another'))).toEqual({ outcome: 'claimed' });
});

test('a request whose process died is taken over after a minute, once, by the same request only', async () => {
  await claimKey(database.db, claim('abandoned'));
  await grow('abandoned', '61 seconds');
  expect(await claimKey(database.db, claim('abandoned', 'another'))).toEqual({ outcome: 'mismatch' });
  const takers = await Promise.all([1, 2, 3].map(() => claimKey(database.db, claim('abandoned'))));
  expect(takers.filter(({ outcome }) => outcome === 'claimed')).toHaveLength(1);
});

test('a key is forgotten after 24 hours, and not before', async () => {
  const first = claim('old');
  await claimKey(database.db, first);
  await storeAnswer(database.db, first, { status: 200, body: 'sealed' });
  await grow('old', '23 hours 59 minutes');
  expect(await claimKey(database.db, claim('old'))).toMatchObject({ outcome: 'answered' });
  await grow('old', '24 hours 1 second');
  expect(await claimKey(database.db, claim('old', 'another'))).toEqual({ outcome: 'claimed' });
});

test('two organisations may use the same key', async () => {
  const other = await createOrganisation(database.db, { name: 'other' });
  await claimKey(database.db, claim('shared'));
  expect(await claimKey(database.db, { ...claim('shared', 'another'), organisationId: other.id })).toEqual({ outcome: 'claimed' });
});

test('pruning removes what is no longer kept, in batches, and nothing else', async () => {
  await pruneIdempotencyKeys(database.db);
  for (const key of ['dead 1', 'dead 2', 'dead 3', 'alive']) await claimKey(database.db, claim(key));
  for (const key of ['dead 1', 'dead 2', 'dead 3']) await grow(key, '25 hours');
  expect(await pruneIdempotencyKeys(database.db, 2)).toBe(2);
  expect(await pruneIdempotencyKeys(database.db, 2)).toBe(1);
  expect(await pruneIdempotencyKeys(database.db, 2)).toBe(0);
  expect(await claimKey(database.db, claim('alive'))).toEqual({ outcome: 'in_progress' });
});
