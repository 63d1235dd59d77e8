import { ActivityFailure, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { SettlingActivities } from '../activities/settling.ts';

export interface SettlingInput {
  deliveryId: string;
}

const { settleMessage } = proxyActivities<SettlingActivities>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 day',
  retry: { initialInterval: '1 second', maximumInterval: '10 minutes' },
});
const { giveUpMessage } = proxyActivities<SettlingActivities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
});

/** Sees to it that a sent message shows how its question was answered; after a day in vain it stays as it is. */
export async function settling({ deliveryId }: SettlingInput): Promise<string> {
  try {
    const outcome = await settleMessage({ deliveryId });
    setCurrentDetails(`The message: ${outcome}.`);
    return outcome;
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    await giveUpMessage({ deliveryId });
    return 'given up';
  }
}
