import { sql } from 'kysely';
import type { Db } from './database.ts';

const KEPT_HOURS = 24;
/** A request that is not answered by then died with its process; another may take its place. */
const ABANDONED_AFTER_SECONDS = 60;

export interface IdempotencyClaim {
  organisationId: string;
  key: string;
  /** Digest of what the request asks for. */
  requestHash: Buffer;
  /** Tells this request from others with the same key: claiming again after a lost answer is no second claim. */
  claimant: string;
}

export type ClaimResult =
  /** The caller is to do the work, then call {@link storeAnswer} or {@link releaseKey}. */
  | { outcome: 'claimed' }
  | { outcome: 'answered'; status: number; body: string }
  | { outcome: 'in_progress' }
  /** The key was used for another request. */
  | { outcome: 'mismatch' };

/** Asks whether a request with an idempotency key is the first of its kind. Of several at once, exactly one is. Idempotent. */
export async function claimKey(db: Db, claim: IdempotencyClaim): Promise<ClaimResult> {
  const claimed = await sql`
    insert into idempotency_keys as known (organisation_id, key, request_hash, body)
    values (${claim.organisationId}, ${claim.key}, ${claim.requestHash}, ${claim.claimant})
    on conflict (organisation_id, key) do update
      set request_hash = excluded.request_hash, status = null, body = excluded.body, created_at = now()
      where known.created_at < now() - ${KEPT_HOURS} * interval '1 hour'
         or (known.status is null and known.request_hash = excluded.request_hash
             and (known.body = excluded.body
                  or known.created_at < now() - ${ABANDONED_AFTER_SECONDS} * interval '1 second'))
    returning key`.execute(db);
  if (claimed.rows.length > 0) return { outcome: 'claimed' };
  const known = await db
    .selectFrom('idempotency_keys')
    .select(['request_hash', 'status', 'body'])
    .where('organisation_id', '=', claim.organisationId)
    .where('key', '=', claim.key)
    .executeTakeFirst();
  if (!known) return { outcome: 'in_progress' };
  if (!known.request_hash.equals(claim.requestHash)) return { outcome: 'mismatch' };
  if (known.status === null) return { outcome: 'in_progress' };
  return { outcome: 'answered', status: known.status, body: known.body ?? '' };
}

/** Keeps the answer for those who ask again. */
export async function storeAnswer(db: Db, claim: IdempotencyClaim, answer: { status: number; body: string }): Promise<void> {
  await db
    .updateTable('idempotency_keys')
    .set(answer)
    .where('organisation_id', '=', claim.organisationId)
    .where('key', '=', claim.key)
    .where('status', 'is', null)
    .where('body', '=', claim.claimant)
    .execute();
}

/** Forgets the key: the request came to nothing and may be made again. */
export async function releaseKey(db: Db, claim: IdempotencyClaim): Promise<void> {
  await db
    .deleteFrom('idempotency_keys')
    .where('organisation_id', '=', claim.organisationId)
    .where('key', '=', claim.key)
    .where('status', 'is', null)
    .where('body', '=', claim.claimant)
    .execute();
}

/** Removes the keys that are no longer kept, a batch at a time. Answers how many. */
export async function pruneIdempotencyKeys(db: Db, limit = 10_000): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from idempotency_keys where (organisation_id, key) in (
      select organisation_id, key from idempotency_keys
      where created_at < now() - ${KEPT_HOURS} * interval '1 hour' order by created_at limit ${limit})`.execute(db);
  return Number(numAffectedRows ?? 0n);
}
