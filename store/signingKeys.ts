import { generateKeyPair } from 'node:crypto';
import type { Db } from './database.ts';
import type { SecretBox } from './secrets.ts';

/** The key pair behind `X-Asteroid-Signature`. */
const NAME = 'webhooks';
const MODULUS_BITS = 2048;

/** The public half of the installation's webhook key, as PEM (SPKI). Every process answers the same one. */
export async function webhookPublicKey(db: Db, secrets: SecretBox): Promise<string> {
  return (await findOrCreate(db, secrets)).public_key;
}

/**
 * The private half, as PEM (PKCS #8).
 * @throws SecretError when the key it was sealed with is not configured any more
 */
export async function webhookPrivateKey(db: Db, secrets: SecretBox): Promise<string> {
  const { private_key } = await findOrCreate(db, secrets);
  const { pem } = secrets.open(private_key);
  if (typeof pem !== 'string') throw new Error('The stored signing key is not one.');
  return pem;
}

/** Of several processes that make a key at once, the first one's counts. */
async function findOrCreate(db: Db, secrets: SecretBox): Promise<{ public_key: string; private_key: string }> {
  const found = await find(db);
  if (found) return found;
  const { publicKey, privateKey } = await newKeyPair();
  await db
    .insertInto('signing_keys')
    .values({ name: NAME, public_key: publicKey, private_key: secrets.seal({ pem: privateKey }) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const stored = await find(db);
  if (!stored) throw new Error('The signing key vanished.');
  return stored;
}

function find(db: Db): Promise<{ public_key: string; private_key: string } | undefined> {
  return db.selectFrom('signing_keys').select(['public_key', 'private_key']).where('name', '=', NAME).executeTakeFirst();
}

function newKeyPair(): Promise<{ publicKey: string; privateKey: string }> {
  const options = {
    modulusLength: MODULUS_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  } as const;
  return new Promise((resolve, reject) => {
    generateKeyPair('rsa', options, (error, publicKey, privateKey) => (error ? reject(error) : resolve({ publicKey, privateKey })));
  });
}
