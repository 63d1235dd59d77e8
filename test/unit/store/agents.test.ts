import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAgent, deleteAgent, findAgent, findOrCreateAgent, renameAgent } from '../../../store/agents.ts';
import { createApiKey, findApiKey } from '../../../store/apiKeys.ts';
import { createOrganisation } from '../../../store/organisations.ts';
import { createTestDatabase, type TestDatabase } from '../../support/stack.ts';

let database: TestDatabase;
let organisationId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  organisationId = (await createOrganisation(database.db, { name: 'test' })).id;
});
afterAll(() => database.close());

async function rulesVersion(): Promise<number> {
  const row = await database.db.selectFrom('organisations').select('rules_version').where('id', '=', organisationId).executeTakeFirstOrThrow();
  return row.rules_version;
}

test('makes an agent the first time its name is heard, and finds it ever after', async () => {
  const first = await findOrCreateAgent(database.db, organisationId, 'research');
  const version = await rulesVersion();
  const second = await findOrCreateAgent(database.db, organisationId, 'research');
  expect(first).toMatchObject({ name: 'research', created: true });
  expect(second).toEqual({ id: first.id, name: 'research', created: false });
  expect(await rulesVersion()).toBe(version);
});

test('gives all of twenty simultaneous callers the same agent, made once', async () => {
  const calls = Array.from({ length: 20 }, () => findOrCreateAgent(database.db, organisationId, 'crowded'));
  const agents = await Promise.all(calls);
  expect(new Set(agents.map((agent) => agent.id)).size).toBe(1);
  expect(agents.filter((agent) => agent.created)).toHaveLength(1);
});

test('works inside a transaction of the caller, and is undone with it', async () => {
  const failed = database.db.transaction().execute(async (trx) => {
    await findOrCreateAgent(trx, organisationId, 'undone');
    throw new Error('changed my mind');
  });
  await expect(failed).rejects.toThrow('changed my mind');
  expect(await findAgent(database.db, organisationId, 'undone')).toBeUndefined();
});

test('makes and finds agents side by side without a deadlock', async () => {
  const work = Array.from({ length: 30 }, (_, index) =>
    index % 2 === 0
      ? findOrCreateAgent(database.db, organisationId, `agent ${index % 6}`)
      : createAgent(database.db, organisationId, `agent ${(index + 1) % 6}`),
  );
  await expect(Promise.all(work)).resolves.toHaveLength(30);
});

test('finds an agent by id before one whose name looks like that id', async () => {
  const { id } = await findOrCreateAgent(database.db, organisationId, 'original');
  await findOrCreateAgent(database.db, organisationId, id);
  expect(await findAgent(database.db, organisationId, id)).toEqual({ id, name: 'original' });
});

test('never finds an agent of another organisation', async () => {
  const other = await createOrganisation(database.db, { name: 'other' });
  const { id } = await findOrCreateAgent(database.db, organisationId, 'private');
  expect(await findAgent(database.db, other.id, id)).toBeUndefined();
  expect(await findAgent(database.db, other.id, 'private')).toBeUndefined();
  expect(await renameAgent(database.db, other.id, id, 'stolen')).toEqual({ outcome: 'unknown' });
  expect(await deleteAgent(database.db, other.id, id)).toBe(false);
});

test('a deleted agent is no longer the default of an API key', async () => {
  const { id } = await findOrCreateAgent(database.db, organisationId, 'default of a key');
  const { key } = await createApiKey(database.db, { organisationId, name: 'key', scopes: ['ingest'], defaultAgentId: id });
  expect(await deleteAgent(database.db, organisationId, id)).toBe(true);
  expect((await findApiKey(database.db, key))?.defaultAgentId).toBeNull();
});
