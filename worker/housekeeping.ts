import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { pruneIdempotencyKeys } from '../store/idempotency.ts';
import { resealSecrets } from '../store/resealing.ts';
import type { SecretBox } from '../store/secrets.ts';
import { pruneSlackInstalls } from '../store/slackInstalls.ts';
import { pruneSlackRequests } from '../store/slackRequests.ts';
import { pruneWorkers } from '../store/workers.ts';
import { every, type Recurring } from './every.ts';

const PAUSE_MS = 10 * 60_000;

/** Deletes what is kept for a limited time, and seals with the current key what an earlier one has sealed. */
export function startHousekeeping({ db, secrets, log }: { db: Db; secrets: SecretBox; log: Logger }): Recurring {
  return every(PAUSE_MS, 'housekeeping', log, async () => {
    await pruneIdempotencyKeys(db);
    await pruneWorkers(db);
    await pruneSlackRequests(db);
    await pruneSlackInstalls(db);
    const { resealed, unreadable } = await resealSecrets(db, secrets);
    if (resealed > 0) log.info({ resealed }, 'secrets were sealed with the current secret key');
    if (unreadable > 0) log.warn({ unreadable }, 'secrets cannot be opened: they were sealed with a secret key that is not configured');
  });
}
