import { createPrivateKey, type KeyObject, sign } from 'node:crypto';

/** Base64 RSA signature (PKCS#1 v1.5 over SHA-256) of a body's bytes, as Asteroid's `X-Asteroid-Signature` has it. */
export type RsaSigner = (body: string) => Promise<string>;

/**
 * Signs with a key that is loaded once, when it is first needed; loading that failed is tried again.
 * A signature costs more than a millisecond of computing, so it is made on a thread of Node's pool.
 * @param loadPrivateKey answers PEM (PKCS #8)
 */
export function createRsaSigner(loadPrivateKey: () => Promise<string>): RsaSigner {
  let loading: Promise<KeyObject> | undefined;
  const privateKey = () =>
    (loading ??= loadPrivateKey().then(createPrivateKey)).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
  return async (body) => signWith(await privateKey(), body);
}

function signWith(key: KeyObject, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    sign('RSA-SHA256', Buffer.from(body), key, (error, signature) => {
      if (error) reject(error);
      else resolve(signature.toString('base64'));
    });
  });
}
