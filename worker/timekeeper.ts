import type { Logger } from 'pino';
import { createCommandActivities } from '../activities/commands.ts';
import { deadlinesOf } from '../model/deadlines.ts';
import type { Db } from '../store/database.ts';
import { findQuietSessions, newestSessionKey, type QuietSession } from '../store/quietSessions.ts';
import { every, type Recurring } from './every.ts';

/** How often the timekeeper looks, and at what. */
export interface TimekeeperTimings {
  /** Milliseconds. */
  pauseMs: number;
  /** A deadline that is over for longer should have been minded by its session's workflow. Milliseconds. */
  graceMs: number;
  /** So many sessions are looked at, then the next ones: a look costs the same however many there are. */
  sessions: number;
}

const defaults: TimekeeperTimings = { pauseMs: 15_000, graceMs: 5 * 60_000, sessions: 2000 };

/**
 * Minds the deadlines of sessions whose workflow does not: its run was terminated, or the Temporal server lost its data.
 * What is due is stored as an event, for which the relay starts the workflow again.
 */
export function startTimekeeper({ db, log }: { db: Db; log: Logger }, timings: Partial<TimekeeperTimings> = {}): Recurring {
  const { pauseMs, graceMs, sessions } = { ...defaults, ...timings };
  const activities = createCommandActivities({ db });
  let nextKey = 0;
  return every(pauseMs, 'the timekeeper', log, async (isStopped) => {
    const afterKey = nextKey;
    const toKey = afterKey + sessions;
    nextKey = toKey < (await newestSessionKey(db)) ? toKey : 0;
    for (const session of await findQuietSessions(db, graceMs, { afterKey, toKey })) {
      if (isStopped()) return;
      if (isOverlooked(session, graceMs)) await activities.judgeDeadlines(session);
    }
  });
}

/** The last event stands for the last sign of life, which came no later: nobody is taken for silent too early. */
function isOverlooked({ state, appendedAt, now }: QuietSession, graceMs: number): boolean {
  const [next] = deadlinesOf(state, appendedAt.getTime(), now.getTime());
  return next !== undefined && next.at + graceMs < now.getTime();
}
