import { setTimeout as sleep } from 'node:timers/promises';
import { readIntegration } from '../store/integrations.ts';
import { advanceReplay, type ReplayStep } from '../store/replays/advance.ts';
import { cancelReplay, readReplay, type Replay } from '../store/replays/replays.ts';
import { createDeliveryStarter } from './deliveryStarts.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { ReplayActivities, ReplayProgress } from './types.ts';

/** How long one activity takes a replay further: an end of its worker costs no more than its timeout. */
const SLICE_MS = 3000;
/** Longer pauses are left to the workflow's timer. */
const LONGEST_PAUSE_MS = 1000;

const topics = { failed: 'Dead letters', disabled: 'What was skipped as disabled', events: 'Past events' };

/** Everything a replay knows is in Postgres: an activity that is run again, or twice, goes on where the last step ended. */
export function createReplayActivities({ db, workflows, log }: Pick<ActivityDependencies, 'db' | 'workflows' | 'log'>): ReplayActivities {
  const start = createDeliveryStarter(workflows, log);

  async function step(organisationId: string, replayId: string): Promise<ReplayStep | undefined> {
    const taken = await advanceReplay(db, replayId);
    await Promise.all((taken?.started ?? []).map((delivery) => start({ ...delivery, organisationId, attemptsMade: 0, firstDelayMs: 0 })));
    return taken;
  }

  async function progressOf(organisationId: string, replayId: string, last: { waitMs: number; moved: boolean }): Promise<ReplayProgress> {
    const replay = await readReplay(db, organisationId, replayId);
    if (!replay) return { status: 'deleted', about: '', found: 0, searched: true, started: 0, skipped: 0, delivered: 0, failed: 0, cancelled: 0, error: null, ...last };
    const { status, found, searched, started, skipped, delivered, failed, cancelled, error } = replay;
    const about = await topicOf(replay);
    return { status, about, found, searched, started, skipped, delivered, failed, cancelled, error, ...last };
  }

  async function topicOf({ organisationId, kind, integrationId, since }: Replay): Promise<string> {
    const integration = await readIntegration(db, organisationId, integrationId);
    return `${topics[kind]} to ${integration?.name ?? 'a deleted integration'}${since ? ` since ${since.toISOString()}` : ''}`;
  }

  return {
    async advanceReplay({ organisationId, replayId }) {
      const endAt = performance.now() + SLICE_MS;
      let moved = false;
      let pauseMs = 0;
      for (;;) {
        const taken = await step(organisationId, replayId);
        moved ||= taken?.moved ?? false;
        pauseMs = taken?.moved ? taken.waitMs : Math.max(taken?.waitMs ?? 0, pauseMs * 2);
        if (taken?.status !== 'running' || pauseMs > LONGEST_PAUSE_MS || performance.now() + pauseMs > endAt) {
          return progressOf(organisationId, replayId, { waitMs: pauseMs, moved });
        }
        await sleep(pauseMs);
      }
    },

    async cancelReplay({ organisationId, replayId }) {
      await cancelReplay(db, replayId);
      return progressOf(organisationId, replayId, { waitMs: 0, moved: true });
    },
  };
}
