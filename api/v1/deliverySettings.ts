import { z } from '@hono/zod-openapi';
import { channels } from '../../activities/channels/index.ts';
import { strictConfig } from '../../activities/channels/strictConfig.ts';
import { type DeliverySettings, defaultDisableAfterS, effectiveDelivery } from '../../model/deliverySettings.ts';
import type { Integration } from '../../store/integrations.ts';
import { instant } from './answers.ts';

const SHORTEST_DELAY_S = 0.1;
const LONGEST_DELAY_S = 7 * 24 * 3600;
const MOST_RETRIES = 20;
const SHORTEST_TIMEOUT_S = 0.1;
const LONGEST_TIMEOUT_S = 30;
const SLOWEST = 0.01;
const FASTEST = 1000;

const retryHelp = `must be a list of at most ${MOST_RETRIES} delays in seconds, such as [5, 300, 1800]`;
const delayHelp = `must be a number of seconds from ${SHORTEST_DELAY_S} to ${LONGEST_DELAY_S}`;
const timeoutHelp = `must be a number of seconds from ${SHORTEST_TIMEOUT_S} to ${LONGEST_TIMEOUT_S}`;
const perSecondHelp = `must be a number of messages a second from ${SLOWEST} to ${FASTEST}`;
const burstHelp = `must be a whole number of messages from 1 to ${FASTEST}`;
const disableHelp = 'must be a number of seconds of at least 1, or null for never';

const rateLimit = strictConfig({
  per_second: z.number(perSecondHelp).min(SLOWEST, perSecondHelp).max(FASTEST, perSecondHelp),
  burst: z.int(burstHelp).min(1, burstHelp).max(FASTEST, burstHelp).default(1),
});

export const deliverySettings = strictConfig({
  retry_schedule_s: z
    .array(z.number(delayHelp).min(SHORTEST_DELAY_S, delayHelp).max(LONGEST_DELAY_S, delayHelp), retryHelp)
    .max(MOST_RETRIES, retryHelp)
    .optional()
    .describe('Seconds to wait after each failed attempt, each spread by ±20 %; as many retries as delays. Default: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h.'),
  timeout_s: z
    .number(timeoutHelp)
    .min(SHORTEST_TIMEOUT_S, timeoutHelp)
    .max(LONGEST_TIMEOUT_S, timeoutHelp)
    .optional()
    .describe('Seconds the destination may take to answer. Default 15.'),
  rate_limit: rateLimit
    .nullable()
    .optional()
    .describe('Messages a second at most, and how many may go at once after a quiet time (`burst`, default 1); what exceeds it waits. Counted for each channel where there are channels. Null: no limit. Default: none; Slack 1 a second.'),
  disable_after_s: z
    .number(disableHelp)
    .min(1, disableHelp)
    .nullable()
    .optional()
    .describe(`Seconds of nothing but failures after which Herald disables the integration; null: never. Default ${defaultDisableAfterS} (5 days).`),
}).describe('How messages are delivered. What is absent has its default.');

export const deliverySettingsPatch = deliverySettings
  .nullable()
  .describe('Given settings replace, the rest stays; null brings back every default.');

export const effectiveDeliverySchema = z
  .object({
    retry_schedule_s: z.array(z.number()),
    timeout_s: z.number(),
    rate_limit: z.object({ per_second: z.number(), burst: z.int() }).nullable(),
    disable_after_s: z.number().nullable(),
  })
  .openapi('DeliverySettings', {
    description: 'The settings that hold, defaults included',
    example: { retry_schedule_s: [5, 300, 1800, 7200, 18_000, 36_000, 36_000], timeout_s: 15, rate_limit: null, disable_after_s: defaultDisableAfterS },
  });

export const healthSchema = z
  .object({
    status: z.enum(['untried', 'healthy', 'failing', 'disabled']).openapi({ example: 'healthy' }),
    failing_since: instant.nullable().openapi({ description: 'The first failure after the last success', example: null }),
    last_success_at: instant.nullable().openapi({ description: 'To the minute' }),
    last_failure_at: instant.nullable().openapi({ example: null }),
    last_error: z.string().nullable().openapi({ description: 'What the last failure was', example: null }),
    paused_until: instant.nullable().openapi({ description: 'The destination asked for a pause until then', example: null }),
  })
  .openapi('IntegrationHealth');

export function changedDelivery(current: DeliverySettings, patch: DeliverySettings | null): DeliverySettings {
  return patch === null ? {} : { ...current, ...patch };
}

export function viewDeliverySettings({ type, delivery }: Integration): z.infer<typeof effectiveDeliverySchema> {
  return effectiveDelivery(delivery, channels[type]?.defaultRateLimit);
}

export function viewHealth({ enabled, health }: Integration): z.infer<typeof healthSchema> {
  const { failingSince, lastSuccessAt, lastFailureAt, lastError, pausedUntil } = health;
  const tried = lastSuccessAt !== null || lastFailureAt !== null;
  const isPaused = pausedUntil !== null && pausedUntil.getTime() > Date.now();
  return {
    status: !enabled ? 'disabled' : failingSince ? 'failing' : tried ? 'healthy' : 'untried',
    failing_since: failingSince?.toISOString() ?? null,
    last_success_at: lastSuccessAt?.toISOString() ?? null,
    last_failure_at: lastFailureAt?.toISOString() ?? null,
    last_error: lastError,
    paused_until: isPaused ? pausedUntil.toISOString() : null,
  };
}
