import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { JsonObject } from '../model/types.ts';

const ALGORITHM = 'aes-256-gcm';
const VERSION = 'v1';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Thrown when a sealed text cannot be opened: its key is not configured any more, or it was changed. */
export class SecretError extends Error {
  override name = 'SecretError';
}

interface SealingKey {
  id: string;
  bytes: Buffer;
}

/**
 * Encrypts the secrets of integrations for the database (AES-256-GCM).
 * The envelope `v1.<key id>.<base64url>` names the key, so that old texts stay readable while a key is rotated:
 * seal with the new key, list the old one under `previousKeys` until everything is sealed anew (resealing.ts).
 */
export class SecretBox {
  readonly #current: SealingKey;
  readonly #keys: Map<string, SealingKey>;

  constructor(secretKey: string, previousKeys: string[] = []) {
    this.#current = deriveKey(secretKey);
    this.#keys = new Map([this.#current, ...previousKeys.map(deriveKey)].map((key) => [key.id, key]));
  }

  seal(value: JsonObject): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#current.bytes, iv, { authTagLength: TAG_BYTES });
    const sealed = Buffer.concat([iv, cipher.update(JSON.stringify(value), 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return this.currentPrefix + sealed.toString('base64url');
  }

  /** What every text begins with that is sealed with the current key. */
  get currentPrefix(): string {
    return `${VERSION}.${this.#current.id}.`;
  }

  /** @throws SecretError when no configured key opens the text. */
  open(text: string): JsonObject {
    const [version, keyId, body] = text.split('.');
    if (version !== VERSION || keyId === undefined || body === undefined) throw new SecretError('Not a sealed secret.');
    const key = this.#keys.get(keyId);
    if (!key) throw new SecretError(`The secret was sealed with key ${keyId}, which is not configured. Set HERALD_SECRET_KEY to the key that was used.`);
    return JSON.parse(decrypt(key.bytes, Buffer.from(body, 'base64url'))) as JsonObject;
  }
}

function decrypt(key: Buffer, sealed: Buffer): string {
  try {
    const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const text = sealed.subarray(IV_BYTES, -TAG_BYTES);
    return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
  } catch (error) {
    throw new SecretError('The sealed secret was changed or cut.', { cause: error });
  }
}

function deriveKey(secretKey: string): SealingKey {
  const bytes = Buffer.from(hkdfSync('sha256', secretKey, '', 'herald integration secrets', 32));
  const id = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
  return { id, bytes };
}
