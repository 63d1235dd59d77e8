import { createPrivateKey, createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SecretBox, SecretError } from '../../../store/secrets.ts';
import { webhookPrivateKey, webhookPublicKey } from '../../../store/signingKeys.ts';
import { createTestDatabase, type TestDatabase } from '../../support/stack.ts';

const box = new SecretBox('one key');
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  await database.db.deleteFrom('signing_keys').execute();
});
afterAll(() => database.close());

test('is one pair for everybody, however many processes ask for it first', async () => {
  const askers = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? webhookPublicKey(database.db, box) : publicHalf(box)));
  expect(new Set(await Promise.all(askers)).size).toBe(1);
  expect(await database.db.selectFrom('signing_keys').select('name').execute()).toHaveLength(1);
});

test('is RSA with 2048 bits, and its private half is stored sealed', async () => {
  const publicKey = createPublicKey(await webhookPublicKey(database.db, box));
  expect([publicKey.asymmetricKeyType, publicKey.asymmetricKeyDetails?.modulusLength]).toEqual(['rsa', 2048]);
  const row = await database.db.selectFrom('signing_keys').selectAll().executeTakeFirstOrThrow();
  expect(row.private_key).toMatch(/^v1\./);
  expect(JSON.stringify(row)).not.toContain('PRIVATE');
});

test('stays the same when the secret key of the installation is rotated', async () => {
  const before = await publicHalf(box);
  expect(await publicHalf(new SecretBox('new key', ['one key']))).toBe(before);
  await expect(webhookPrivateKey(database.db, new SecretBox('new key'))).rejects.toThrow(SecretError);
});

/** The public key that belongs to the stored private one. */
async function publicHalf(secrets: SecretBox): Promise<string> {
  const privateKey = createPrivateKey(await webhookPrivateKey(database.db, secrets));
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
}
