import { retrySchedule } from './retry.ts';

/** At most so many messages a second, evenly spread. */
export interface RateLimit {
  /** Above 0; 0.5 means one message in two seconds. */
  per_second: number;
  /** How many may go out at once after a quiet time. */
  burst: number;
}

/** How an integration's messages are delivered, as it was set: what is absent has its default. */
export interface DeliverySettings {
  /** Seconds to wait after each failed attempt; its length is how many retries there are. */
  retry_schedule_s?: number[];
  /** Seconds a destination may take to answer. */
  timeout_s?: number;
  /** Null: no limit, also where the kind of integration has one. */
  rate_limit?: RateLimit | null;
  /** Seconds of nothing but failures after which Herald disables the integration; null: never. */
  disable_after_s?: number | null;
}

/** Settings with every default filled in. */
export type EffectiveDelivery = Required<DeliverySettings>;

export const defaultTimeoutS = 15;
export const defaultDisableAfterS = 5 * 24 * 3600;

/** @param defaultLimit The limit that the kind of integration has by itself. */
export function effectiveDelivery(settings: DeliverySettings, defaultLimit: RateLimit | null = null): EffectiveDelivery {
  return {
    retry_schedule_s: settings.retry_schedule_s ?? retrySchedule.slice(1).map((delayMs) => delayMs / 1000),
    timeout_s: settings.timeout_s ?? defaultTimeoutS,
    rate_limit: settings.rate_limit === undefined ? defaultLimit : settings.rate_limit,
    disable_after_s: settings.disable_after_s === undefined ? defaultDisableAfterS : settings.disable_after_s,
  };
}
