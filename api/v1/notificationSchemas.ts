import { z } from '@hono/zod-openapi';
import type { Notification } from '../../store/notifications.ts';
import { isStorable, shortText } from '../schemas.ts';
import { instant } from './answers.ts';
import { subscriptionSchema, warningsOf } from './subscriptionSchema.ts';

const MAX_PAIRS = 100;
const PAIR_RULE = 'must be text, a number, true or false';

const pairValue = z
  .union([z.string(), z.number(), z.boolean()], PAIR_RULE)
  .transform(String)
  .refine((text) => isStorable(text) && text.length <= 1000, 'must be at most 1000 characters, without NUL characters');

const removablePair = z.union([pairValue, z.null()], { error: (issue) => (issue.code === 'invalid_union' ? PAIR_RULE : undefined) });

function pairsOf<T extends z.ZodType>(value: T) {
  const pairs = z.record(shortText(255), value).refine((given) => Object.keys(given).length <= MAX_PAIRS, `must have at most ${MAX_PAIRS} pairs`);
  return z.preprocess((given, context) => {
    // A record leaves this key out, and a filter with a pair less lets more through.
    if (typeof given === 'object' && given !== null && Object.hasOwn(given, '__proto__')) {
      context.addIssue({ code: 'custom', path: ['__proto__'], message: 'cannot be filtered by' });
    }
    return given;
  }, pairs);
}

const metadataFilter = pairsOf(pairValue).openapi({
  type: 'object',
  description: "Pairs that must all equal the session's metadata, as text. Empty, null or absent: every session",
  example: { environment: 'production' },
});

const channel = z.string().trim().pipe(shortText(255)).nullable().openapi({
  type: ['string', 'null'],
  description: "A channel other than the integration's own, where the integration can choose: Slack with a bot token",
  example: null,
});

const integrationId = z.string('is required: the id of the integration to bind').openapi({ example: 'int_x2m8q1w7e5r4t6y0u2i8k3v9' });
const enabled = z.boolean('must be true or false');

export const newNotificationSchema = z
  .strictObject({
    integration_id: integrationId,
    subscription: subscriptionSchema,
    metadata_filter: metadataFilter.nullish(),
    channel: channel.optional(),
    enabled: enabled.default(true),
  })
  .openapi('NewNotification');

export const notificationPatchSchema = z
  .strictObject({
    integration_id: integrationId,
    subscription: subscriptionSchema,
    metadata_filter: pairsOf(removablePair).nullable().openapi({
      type: ['object', 'null'],
      description: 'Merged key by key: null removes a pair; null for the whole removes all',
      example: { environment: 'staging' },
    }),
    channel,
    enabled,
  })
  .partial()
  .openapi('NotificationPatch', { example: { enabled: false } });

export const notificationSchema = z
  .object({
    id: z.string().openapi({ example: 'ntf_q1w7e5r4t6y0u2i8k3v9x2m8' }),
    agent_id: z.string().openapi({ example: 'agt_k3v9x2m8q1w7e5r4t6y0u2i8' }),
    integration_id: integrationId,
    subscription: z.looseObject({ mode: z.enum(['all', 'custom']) }).openapi({ example: { mode: 'custom', rules: [{ event: 'ExecutionFailed', filters: [] }] } }),
    metadata_filter: z.record(z.string(), z.string()).openapi({ example: { environment: 'production' } }),
    channel: z.string().nullable().openapi({ example: null }),
    enabled: z.boolean(),
    created_at: instant,
    updated_at: instant,
  })
  .openapi('Notification');

export const savedNotificationSchema = notificationSchema
  .extend({
    warnings: z.array(z.string()).openapi({ description: 'What was saved, but may not be what was meant', example: [] }),
  })
  .openapi('SavedNotification');

export function viewNotification(notification: Notification): z.infer<typeof notificationSchema> {
  return {
    id: notification.id,
    agent_id: notification.agentId,
    integration_id: notification.integrationId,
    subscription: { ...notification.subscription },
    metadata_filter: notification.metadataFilter,
    channel: notification.channel,
    enabled: notification.enabled,
    created_at: notification.createdAt.toISOString(),
    updated_at: notification.updatedAt.toISOString(),
  };
}

export function viewSaved(notification: Notification): z.infer<typeof savedNotificationSchema> {
  return { ...viewNotification(notification), warnings: warningsOf(notification.subscription) };
}

/** The pairs after a PATCH: null removes. */
export function mergePairs(current: Record<string, string>, patch: Record<string, string | null> | null): Record<string, string> {
  if (patch === null) return {};
  const merged = { ...current, ...patch };
  return Object.fromEntries(Object.entries(merged).filter((pair): pair is [string, string] => pair[1] !== null));
}
