import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { findUnsettledMessages } from '../store/sentMessages.ts';
import type { StartSettling } from '../temporal/settling.ts';
import { every, type Recurring } from './every.ts';
import { inParallel } from './inParallel.ts';

/** How often the settler looks. Milliseconds. */
export interface SettlerTimings {
  pauseMs: number;
  /** A message whose workflow was started is left alone for this long. */
  againMs: number;
}

const defaults: SettlerTimings = { pauseMs: 500, againMs: 60_000 };
const MESSAGES_A_PAGE = 200;
const STARTS_AT_ONCE = 4;

/**
 * Has messages changed whose question was answered, by whomever and wherever. Whatever dies in between, a message
 * that does not show its answer yet is found again.
 */
export function startSettler(deps: { db: Db; startSettling: StartSettling; log: Logger }, timings: Partial<SettlerTimings> = {}): Recurring {
  const { db, startSettling, log } = deps;
  const { pauseMs, againMs } = { ...defaults, ...timings };
  const started = new LRUCache<string, true>({ max: 10_000, ttl: againMs });
  return every(pauseMs, 'showing how questions were answered', log, async (isStopped) => {
    let afterId = '';
    let page;
    do {
      page = await findUnsettledMessages(db, { afterId, limit: MESSAGES_A_PAGE });
      afterId = page.at(-1)?.deliveryId ?? '';
      await inParallel(page, STARTS_AT_ONCE, async (message) => {
        if (isStopped() || started.has(message.deliveryId)) return;
        await startSettling(message);
        started.set(message.deliveryId, true);
      });
    } while (page.length === MESSAGES_A_PAGE && !isStopped());
  });
}
