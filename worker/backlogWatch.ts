import type { Logger } from 'pino';
import { readBacklog } from '../store/backlog.ts';
import type { Db } from '../store/database.ts';
import { every, type Recurring } from './every.ts';

const PAUSE_MS = 15_000;
/** Events are decided within milliseconds; under a burst within seconds. */
const WORRYING_S = 30;

/** Tells the log when accepted events wait too long for their decision, of all organisations, and when that is over. */
export function startBacklogWatch({ db, log }: { db: Db; log: Logger }): Recurring {
  let worried = false;
  return every(PAUSE_MS, 'the watch over the backlog', log, async () => {
    const { undecidedEvents: events, undecidedSessions: sessions, oldestUndecidedS } = await readBacklog(db);
    const oldestS = Math.round(oldestUndecidedS ?? 0);
    if (oldestS > WORRYING_S) log.warn({ events, sessions, oldestS }, 'accepted events wait long for their decision: the workers or the Temporal server cannot keep up');
    else if (worried) log.info({ events, sessions, oldestS }, 'accepted events are decided in time again');
    worried = oldestS > WORRYING_S;
  });
}
