import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { findUndecidedSessions } from '../store/progress.ts';
import type { Workflows } from '../temporal/workflows.ts';
import { every, type Recurring } from './every.ts';
import { inParallel } from './inParallel.ts';

/** How often the relay looks, and at what. Milliseconds. */
export interface RelayTimings {
  pauseMs: number;
  /** News this old should have reached its workflow through the API. */
  overlookedMs: number;
  /** A session that was told is not told again for this long: its workflow may be busy, or waiting for an agent. */
  againMs: number;
}

const defaults: RelayTimings = { pauseMs: 1000, overlookedMs: 2000, againMs: 10_000 };
const SESSIONS_A_PAGE = 500;
const SIGNALS_AT_ONCE = 4;

/**
 * Tells the workflows of sessions what they were not told: whatever is stored and not decided. It finds
 * again what an API process had accepted and not handed over when it died, or while the Temporal server was away.
 */
export function startRelay(deps: { db: Db; workflows: Workflows; log: Logger }, timings: Partial<RelayTimings> = {}): Recurring {
  const { db, workflows, log } = deps;
  const { pauseMs, overlookedMs, againMs } = { ...defaults, ...timings };
  const told = new LRUCache<number, true>({ max: 100_000, ttl: againMs });
  return every(pauseMs, 'the relay', log, async (isStopped) => {
    let afterKey = 0;
    let page;
    do {
      page = await findUndecidedSessions(db, overlookedMs, { afterKey, limit: SESSIONS_A_PAGE });
      afterKey = page.at(-1)?.sessionKey ?? 0;
      await inParallel(page, SIGNALS_AT_ONCE, async ({ organisationId, sessionId, sessionKey, lastSeq }) => {
        if (isStopped() || told.has(sessionKey)) return;
        await workflows.signalSession({ organisationId, sessionId, sessionKey }, { lastSeq, events: [] });
        told.set(sessionKey, true);
      });
    } while (page.length === SESSIONS_A_PAGE && !isStopped());
  });
}
