import { condition, continueAsNew, defineSignal, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { NaiveActivities, NaiveEvent } from './types.ts';

const { deliver } = proxyActivities<NaiveActivities>({ startToCloseTimeout: '30 seconds' });

/** The durable loop one would write first: every event a signal, every notification an activity. */
export async function naiveSession(sessionId: string): Promise<void> {
  const events: NaiveEvent[] = [];
  setHandler(defineSignal<[NaiveEvent]>('event'), (event) => {
    events.push(event);
  });
  while (!workflowInfo().continueAsNewSuggested || events.length > 0) {
    await condition(() => events.length > 0);
    const event = events.shift()!;
    if (event.type === 'tool') await deliver({ sessionId, event });
  }
  await continueAsNew<typeof naiveSession>(sessionId);
}
