import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { findOverdueReplays } from '../store/replays/replays.ts';
import type { ReplayWorkflows } from '../temporal/replays.ts';
import { every, type Recurring } from './every.ts';

/** How often to look for replays that nobody works on. Milliseconds. */
export interface ReplayStarterTimings {
  pauseMs: number;
  /** Beyond its next step a replay gets this long: longer than its workflow waits at most. */
  graceMs: number;
}

const defaults: ReplayStarterTimings = { pauseMs: 10_000, graceMs: 45_000 };
const AT_ONCE = 20;

/** Starts the workflows of replays whose workflow could not be started when they were asked for, or was ended by hand. */
export function startReplayStarter(deps: { db: Db; replays: ReplayWorkflows; log: Logger }, timings: Partial<ReplayStarterTimings> = {}): Recurring {
  const { pauseMs, graceMs } = { ...defaults, ...timings };
  return every(pauseMs, 'the starter of replays', deps.log, async (isStopped) => {
    for (const replay of await findOverdueReplays(deps.db, graceMs, AT_ONCE)) {
      if (!isStopped()) await deps.replays.start(replay);
    }
  });
}
