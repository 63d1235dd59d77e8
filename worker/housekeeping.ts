import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { pruneIdempotencyKeys } from '../store/idempotency.ts';
import { pruneSlackInstalls } from '../store/slackInstalls.ts';
import { pruneSlackRequests } from '../store/slackRequests.ts';
import { pruneWorkers } from '../store/workers.ts';
import { every, type Recurring } from './every.ts';

const PAUSE_MS = 10 * 60_000;

/** Deletes what is kept for a limited time. */
export function startHousekeeping({ db, log }: { db: Db; log: Logger }): Recurring {
  return every(PAUSE_MS, 'housekeeping', log, async () => {
    await pruneIdempotencyKeys(db);
    await pruneWorkers(db);
    await pruneSlackRequests(db);
    await pruneSlackInstalls(db);
  });
}
