import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { findUndecidedSessions } from '../store/progress.ts';
import type { Workflows } from '../temporal/workflows.ts';
import { every, type Recurring } from './every.ts';

const PAUSE_MS = 1000;
/** News this old should have reached its workflow through the API. */
const OVERLOOKED_MS = 2000;
/** A session that was told is not told again for this long: its workflow may be busy, or waiting for an agent. */
const AGAIN_MS = 10_000;
const SESSIONS_A_ROUND = 500;

/**
 * Tells the workflows of sessions what they were not told: whatever is stored and not decided. It finds
 * again what an API process had accepted and not handed over when it died, or while the Temporal server was away.
 */
export function startRelay({ db, workflows, log }: { db: Db; workflows: Workflows; log: Logger }): Recurring {
  const told = new LRUCache<number, true>({ max: 100_000, ttl: AGAIN_MS });
  return every(PAUSE_MS, 'the relay', log, async () => {
    const sessions = await findUndecidedSessions(db, OVERLOOKED_MS, SESSIONS_A_ROUND);
    for (const { organisationId, sessionId, sessionKey, lastSeq } of sessions) {
      if (told.has(sessionKey)) continue;
      await workflows.signalSession({ organisationId, sessionId, sessionKey }, { lastSeq, events: [] });
      told.set(sessionKey, true);
    }
  });
}
