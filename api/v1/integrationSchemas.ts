import { z } from '@hono/zod-openapi';
import type { Channel } from '../../activities/channels/channel.ts';
import { channels } from '../../activities/channels/index.ts';
import type { Integration } from '../../store/integrations.ts';
import { shortText } from '../schemas.ts';
import { anyJson, instant } from './answers.ts';
import { deliverySettings, deliverySettingsPatch, effectiveDeliverySchema, healthSchema, viewDeliverySettings, viewHealth } from './deliverySettings.ts';

const types = Object.keys(channels);

const name = z.string().trim().pipe(shortText(255)).openapi({
  type: 'string',
  minLength: 1,
  maxLength: 255,
  description: 'For people; two integrations may have the same name',
  example: 'operations-alerts',
});
const enabled = z.boolean('must be true or false');

function newIntegrationOf(channel: Channel) {
  return z.strictObject({ name, type: z.literal(channel.type), config: channel.inputSchema, delivery: deliverySettings.optional(), enabled: enabled.default(true) });
}

const [first, ...others] = Object.values(channels).map(newIntegrationOf);
if (!first) throw new Error('There is no channel.');

export const newIntegrationSchema = z
  .discriminatedUnion('type', [first, ...others], { error: (issue) => (issue.code === 'invalid_union' ? `must be one of: ${types.join(', ')}` : undefined) })
  .openapi('NewIntegration', {
    example: { name: 'Production Alerts', type: 'webhook', config: { url: 'https://hooks.example.com/herald' } },
  });

export const integrationPatchSchema = z
  .strictObject({
    name,
    enabled,
    config: z.record(z.string(), anyJson).openapi({
      description: 'Merged key by key: given fields replace, null removes an optional field, the rest stays. Secrets too.',
    }),
    delivery: deliverySettingsPatch,
  })
  .partial()
  .openapi('IntegrationPatch', { example: { config: { url: 'https://hooks.example.com/new', headers: { 'X-Team': null } } } });

export const integrationSchema = z
  .object({
    id: z.string().openapi({ example: 'int_x2m8q1w7e5r4t6y0u2i8k3v9' }),
    name: z.string().openapi({ example: 'Production Alerts' }),
    type: z.string().openapi({ enum: types, example: 'webhook' }),
    config: z.record(z.string(), z.unknown()).openapi({
      description: 'Without secrets',
      example: { url: 'https://hooks.example.com/herald', header_names: [], unwrap_result: false, asteroid_signature: false },
    }),
    delivery: effectiveDeliverySchema,
    enabled: z.boolean(),
    disabled_reason: z.string().nullable().openapi({ description: 'Why Herald itself disabled it', example: null }),
    health: healthSchema,
    created_at: instant,
    updated_at: instant,
  })
  .openapi('Integration');

export const createdIntegrationSchema = integrationSchema
  .extend({
    secret: z.string().optional().openapi({
      description: 'The secret that signs the messages of a webhook (Standard Webhooks). Shown only here.',
      example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    }),
  })
  .openapi('CreatedIntegration');

export function viewIntegration(integration: Integration): z.infer<typeof integrationSchema> {
  return {
    id: integration.id,
    name: integration.name,
    type: integration.type,
    config: integration.config,
    delivery: viewDeliverySettings(integration),
    enabled: integration.enabled,
    disabled_reason: integration.disabledReason,
    health: viewHealth(integration),
    created_at: integration.createdAt.toISOString(),
    updated_at: integration.updatedAt.toISOString(),
  };
}
