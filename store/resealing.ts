import type { Db } from './database.ts';
import { type SecretBox, SecretError } from './secrets.ts';

export interface Resealed {
  /** Sealed with the current key now, and with an earlier one before. */
  resealed: number;
  /** Sealed with a key that is not configured. */
  unreadable: number;
}

/** Seals with the current key what an earlier one has sealed, so that that one can be dropped. What somebody changes meanwhile stays theirs. */
export async function resealSecrets(db: Db, secrets: SecretBox): Promise<Resealed> {
  const integrations = await db
    .selectFrom('integrations')
    .select(['id', 'secrets'])
    .where('secrets', 'not like', `${secrets.currentPrefix}%`)
    .execute();
  const signingKeys = await db
    .selectFrom('signing_keys')
    .select(['name', 'private_key'])
    .where('private_key', 'not like', `${secrets.currentPrefix}%`)
    .execute();
  const counts = { resealed: 0, unreadable: 0 };
  for (const { id, secrets: sealed } of integrations) {
    const anew = sealAnew(secrets, sealed);
    counts[anew === undefined ? 'unreadable' : 'resealed'] += 1;
    if (anew === undefined) continue;
    await db.updateTable('integrations').set({ secrets: anew }).where('id', '=', id).where('secrets', '=', sealed).execute();
  }
  for (const { name, private_key: sealed } of signingKeys) {
    const anew = sealAnew(secrets, sealed);
    counts[anew === undefined ? 'unreadable' : 'resealed'] += 1;
    if (anew === undefined) continue;
    await db.updateTable('signing_keys').set({ private_key: anew }).where('name', '=', name).where('private_key', '=', sealed).execute();
  }
  return counts;
}

function sealAnew(secrets: SecretBox, sealed: string): string | undefined {
  try {
    return secrets.seal(secrets.open(sealed));
  } catch (error) {
    if (error instanceof SecretError) return undefined;
    throw error;
  }
}
