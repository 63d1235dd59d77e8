import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { findOverdueDeliveries } from '../store/messages.ts';
import type { Workflows } from '../temporal/workflows.ts';
import { every, type Recurring } from './every.ts';

const PAUSE_MS = 2000;
/** Beyond its lease or its next attempt a delivery gets this long before it counts as abandoned. */
const GRACE_MS = 5000;
/** A delivery whose workflow was started is left alone for this long: it may wait for its turn. */
const AGAIN_MS = 30_000;
const DELIVERIES_A_ROUND = 500;

/** Starts the workflow of every open delivery that nobody works on: its sender died, or its workflow was never started. */
export function startSweeper({ db, workflows, log }: { db: Db; workflows: Workflows; log: Logger }): Recurring {
  const started = new LRUCache<string, true>({ max: 100_000, ttl: AGAIN_MS });
  return every(PAUSE_MS, 'the sweeper', log, async () => {
    for (const delivery of await findOverdueDeliveries(db, GRACE_MS, DELIVERIES_A_ROUND)) {
      if (started.has(delivery.deliveryId)) continue;
      started.set(delivery.deliveryId, true);
      await workflows.startDelivery({ ...delivery, attemptsMade: 0, firstDelayMs: 0 });
    }
  });
}
