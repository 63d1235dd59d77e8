import {
  condition,
  continueAsNew,
  defineSignal,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { DeliveryActivities } from '../activities/types.ts';
import { spacedEventName } from '../model/events.ts';
import { deliveryStatusKey } from './display.ts';
import type { DeliveryInput } from './messages.ts';

export const retryNowSignal = defineSignal('retryNow');
/** `stored`: the delivery is closed already, and may be open again by now. */
export const cancelSignal = defineSignal<[{ reason: string; stored?: boolean }]>('cancel');

const MAX_HISTORY_EVENTS = 2000;
/** Pauses before asking again for a turn at a destination that has all the requests it may have; doubled each time. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 120_000;

const { attemptDelivery, cancelDelivery } = proxyActivities<DeliveryActivities>({
  startToCloseTimeout: '60 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/**
 * Retries one delivery until it arrives, its schedule is exhausted, or somebody cancels it. The
 * schedule is this workflow's state: a restart in hour 20 goes on in hour 20.
 */
export async function delivery(input: DeliveryInput): Promise<string> {
  let due = false;
  let byHand = input.byHand ?? false;
  let putOffs = 0;
  let cancelReason: string | undefined;
  let isClosed = false;
  let to: string | undefined;
  setHandler(retryNowSignal, () => {
    due = true;
    byHand = true;
    // Somebody wants it after all.
    if (isClosed) cancelReason = undefined;
  });
  setHandler(cancelSignal, ({ reason, stored = false }) => {
    cancelReason = reason;
    isClosed = stored;
  });

  let { attemptsMade, firstDelayMs: delayMs } = input;
  let note = `Attempt ${attemptsMade + 1} follows`;
  let pauseMs = FIRST_PAUSE_MS;
  while (true) {
    if (historyIsLong() && !due && cancelReason === undefined) {
      return await continueAsNew<typeof delivery>({ ...input, attemptsMade, firstDelayMs: delayMs, byHand });
    }
    if (delayMs > 0) {
      setCurrentDetails(`${note}. Waits ${words(delayMs)} before it tries.`);
      // At most 200 bytes by the server's rule.
      await condition(() => due || cancelReason !== undefined, delayMs, { summary: note.slice(0, 60) });
    }
    due = false;
    if (cancelReason !== undefined) {
      if (!isClosed) await cancelDelivery({ deliveryId: input.deliveryId, reason: cancelReason });
      return end('cancelled');
    }
    const { deliveryId, integrationId } = input;
    const attempt = await attemptDelivery.executeWithOptions({ summary: attemptSummary() }, [{ deliveryId, integrationId, jitter: Math.random(), byHand, putOffs }]);
    switch (attempt.outcome) {
      case 'crowded':
        delayMs = pauseMs * (0.5 + Math.random());
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        note = 'The destination has as many requests under way as it may have';
        break;
      case 'busy':
        delayMs = attempt.forMs;
        note = 'Somebody else is sending this message';
        break;
      case 'wait':
        delayMs = attempt.forMs;
        putOffs += 1;
        note = attempt.for === 'turn' ? 'Its turn under the rate limit comes then' : 'The destination asked for a pause';
        break;
      case 'retry':
        delayMs = attempt.afterMs;
        to = attempt.to;
        attemptsMade = attempt.attemptsMade;
        pauseMs = FIRST_PAUSE_MS;
        byHand = false;
        putOffs = 0;
        note = `Attempt ${attempt.attemptsMade} to ${attempt.to} failed: ${attempt.error}`;
        break;
      case 'closed':
        return end(attempt.status);
      default:
        return end(attempt.outcome);
    }
  }

  function historyIsLong(): boolean {
    return workflowInfo().historyLength > (input.maxHistoryEvents ?? MAX_HISTORY_EVENTS);
  }

  /** `Slack #operations-alerts: Execution Failed, attempt 3`, at most 200 bytes by the server's rule. */
  function attemptSummary(): string {
    const what = `${spacedEventName(input.eventType).slice(0, 60)}, attempt ${attemptsMade + 1}`;
    return to === undefined ? what : `${to.slice(0, 40)}: ${what}`;
  }

  function end(status: string): string {
    if (input.searchAttributes) upsertSearchAttributes([{ key: deliveryStatusKey, value: status }]);
    setCurrentDetails(`The delivery is ${status}.`);
    return status;
  }
}

function words(ms: number): string {
  if (ms < 60_000) return `${Math.ceil(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
