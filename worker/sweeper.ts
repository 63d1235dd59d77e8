import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { findOverdueDeliveries } from '../store/messages.ts';
import type { Workflows } from '../temporal/workflows.ts';
import { every, type Recurring } from './every.ts';
import { inParallel } from './inParallel.ts';

/** How often the sweeper looks, and at what. Milliseconds. */
export interface SweeperTimings {
  pauseMs: number;
  /** Beyond its lease or its next attempt a delivery gets this long before it counts as abandoned. */
  graceMs: number;
  /** A delivery whose workflow was started is left alone for this long: it may wait for its turn. */
  againMs: number;
}

const defaults: SweeperTimings = { pauseMs: 2000, graceMs: 5000, againMs: 30_000 };
const DELIVERIES_A_PAGE = 500;
const STARTS_AT_ONCE = 4;
/** What was being committed at a moment may be seen this much later only. */
const COMMIT_MS = 100;

export interface SweeperDependencies {
  db: Db;
  workflows: Workflows;
  /** Sends messages that nobody has tried to send; answers whether there are more. */
  takeOver: (graceMs: number) => Promise<boolean>;
  log: Logger;
}

/**
 * Takes care of every open delivery that nobody works on. Those that were not tried are sent; for the others, whose
 * workflow was never started, or whose sender died trying, a workflow is started.
 */
export function startSweeper(deps: SweeperDependencies, timings: Partial<SweeperTimings> = {}): Recurring {
  const { db, workflows, takeOver, log } = deps;
  const { pauseMs, graceMs, againMs } = { ...defaults, ...timings };
  const started = new LRUCache<string, true>({ max: 100_000, ttl: againMs });
  return every(pauseMs, 'the sweeper', log, async (isStopped) => {
    // What is abandoned only since then is for the next look, or it would be torn out of its order.
    const beganAt = performance.now();
    while (!isStopped() && (await takeOver(graceMs)));
    let afterId = '';
    let page;
    do {
      page = await findOverdueDeliveries(db, { graceMs, agoMs: performance.now() - beganAt + COMMIT_MS }, { afterId, limit: DELIVERIES_A_PAGE });
      afterId = page.at(-1)?.deliveryId ?? '';
      await inParallel(page, STARTS_AT_ONCE, async (delivery) => {
        if (isStopped() || started.has(delivery.deliveryId)) return;
        await workflows.startDelivery({ ...delivery, firstDelayMs: 0 });
        started.set(delivery.deliveryId, true);
      });
    } while (page.length === DELIVERIES_A_PAGE && !isStopped());
  });
}
