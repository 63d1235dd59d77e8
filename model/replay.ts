/** What a replay sends: dead letters, what was skipped as `disabled`, or past events through one notification. */
export type ReplayKind = 'failed' | 'disabled' | 'events';

export type ReplayStatus = 'running' | 'completed' | 'cancelled' | 'failed';

/** What became of one message of a replay: it waits for its turn, is under way, was not needed any more, or has ended. */
export type ReplayItemState = 'waiting' | 'started' | 'skipped' | 'delivered' | 'failed' | 'cancelled';

/** What a delivery that does not exist yet is made of. */
export interface ReplayedDelivery {
  sessionKey: number;
  seq: number;
  eventId: string;
  eventType: string;
  agentId: string;
  notificationId: string;
  integrationId: string;
  channel: string | null;
}

/**
 * Messages of an integration's replays that were not tried yet, at most. Below what one destination may have under
 * way at retries (activities/delivery.ts), so that live retries find room beside them.
 */
export const UNTRIED_AT_ONCE = 10;

/** Messages of one replay that have not ended, at most: a destination that is still broken does not get the whole list. */
export const OPEN_AT_ONCE = 500;
