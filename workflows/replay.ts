import { defineSearchAttributeKey } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { ReplayActivities, ReplayProgress } from '../activities/types.ts';
import { REPLAY_CANCELLED_SIGNAL, SEARCH_ATTRIBUTES } from '../model/naming.ts';
import type { ReplayInput } from './messages.ts';

/** Says that the replay was cancelled in the store: it ends at once instead of after its pause. */
export const replayCancelledSignal = defineSignal(REPLAY_CANCELLED_SIGNAL);

const MAX_HISTORY_EVENTS = 2000;
const LONGEST_PAUSE_MS = 30_000;
const statusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD');

const activities = proxyActivities<ReplayActivities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds' },
});

/**
 * Sends many messages again, or late, a few at a time, until each has ended. What is found, started and counted is
 * stored in Postgres with each step; this workflow sees to it that the steps go on, and shows how far they are.
 */
export async function replay(input: ReplayInput): Promise<string> {
  const { organisationId, replayId } = input;
  let isCancelled = false;
  setHandler(replayCancelledSignal, () => {
    isCancelled = true;
  });
  let pauseMs = 0;
  try {
    while (true) {
      if (workflowInfo().historyLength > (input.maxHistoryEvents ?? MAX_HISTORY_EVENTS)) return await continueAsNew<typeof replay>(input);
      const progress = await activities.advanceReplay({ organisationId, replayId });
      show(progress, input.searchAttributes);
      if (progress.status !== 'running') return progress.status;
      pauseMs = progress.moved ? progress.waitMs : Math.max(progress.waitMs, Math.min(pauseMs * 2, LONGEST_PAUSE_MS));
      await condition(() => isCancelled, pauseMs);
    }
  } catch (error) {
    if (isCancellation(error)) {
      // In the Temporal UI, where nobody told the store.
      await CancellationScope.nonCancellable(async () => show(await activities.cancelReplay({ organisationId, replayId }), input.searchAttributes));
    }
    throw error;
  }
}

function show(progress: ReplayProgress, searchAttributes: boolean): void {
  setCurrentDetails(details(progress));
  if (searchAttributes && progress.status !== 'running') upsertSearchAttributes([{ key: statusKey, value: progress.status }]);
}

/** What a person who opens the workflow in the Temporal UI should read first, in Markdown. */
function details(progress: ReplayProgress): string {
  const { started, delivered, failed, cancelled, skipped } = progress;
  const open = started - delivered - failed - cancelled;
  const lines = [
    `**Replay** ${progress.about.replaceAll(/[`*_[\]<>\\\s]+/g, ' ')}`,
    `**Status** ${progress.status}`,
    `**Found** ${progress.found}${progress.searched ? '' : ' so far'}${skipped > 0 ? `, ${skipped} of them not needed any more` : ''}`,
    `**Started** ${started}: ${delivered} delivered, ${failed} failed, ${cancelled} cancelled, ${open} under way`,
  ];
  if (progress.error !== null) lines.push(`**Ended because** ${progress.error.replaceAll(/[`*_[\]<>\\\s]+/g, ' ')}`);
  return lines.join('\n\n');
}
