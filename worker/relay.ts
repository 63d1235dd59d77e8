import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { findUndecidedSessions, loadDecidedSeqs, type UndecidedSession } from '../store/progress.ts';
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
/** So many sessions are told, then given this time to decide before further ones are: a backlog is no reason for a flood. */
const SESSIONS_AT_ONCE = 16;
const LONGEST_PAUSE_MS = 1000;
const LOOK_MS = 20;

/**
 * Tells the workflows of sessions what they were not told: whatever is stored and not decided. It finds
 * again what an API process had accepted and not handed over when it died, or while the Temporal server was away.
 */
export function startRelay(deps: { db: Db; workflows: Workflows; log: Logger }, timings: Partial<RelayTimings> = {}): Recurring {
  const { db, workflows, log } = deps;
  const { pauseMs, overlookedMs, againMs } = { ...defaults, ...timings };
  const told = new LRUCache<number, true>({ max: 100_000, ttl: againMs });

  async function tell(sessions: UndecidedSession[]): Promise<void> {
    await inParallel(sessions, SIGNALS_AT_ONCE, async ({ organisationId, sessionId, sessionKey, lastSeq }) => {
      await workflows.signalSession({ organisationId, sessionId, sessionKey }, { lastSeq, events: [] });
      told.set(sessionKey, true);
    });
    const giveUpAt = performance.now() + LONGEST_PAUSE_MS;
    let decided: Map<number, number>;
    do {
      await sleep(LOOK_MS);
      decided = await loadDecidedSeqs(db, sessions.map((session) => session.sessionKey));
    } while (performance.now() < giveUpAt && sessions.some((session) => (decided.get(session.sessionKey) ?? 0) < session.lastSeq));
  }

  return every(pauseMs, 'the relay', log, async (isStopped) => {
    let afterKey = 0;
    let page;
    do {
      page = await findUndecidedSessions(db, overlookedMs, { afterKey, limit: SESSIONS_A_PAGE });
      afterKey = page.at(-1)?.sessionKey ?? 0;
      const untold = page.filter((session) => !told.has(session.sessionKey));
      for (let from = 0; from < untold.length && !isStopped(); from += SESSIONS_AT_ONCE) {
        await tell(untold.slice(from, from + SESSIONS_AT_ONCE));
      }
    } while (page.length === SESSIONS_A_PAGE && !isStopped());
  });
}
