import { z } from '@hono/zod-openapi';
import type { Attempt, Delivery } from '../../store/deliveries.ts';
import { instant } from './answers.ts';

export const deliveryStatuses = ['pending', 'retrying', 'delivered', 'failed', 'cancelled'] as const;

export const deliverySchema = z
  .object({
    id: z.string().openapi({ description: "Also the message's `webhook-id`", example: 'dlv_m8q1w7e5r4t6y0u2i8k3v9x2' }),
    status: z.enum(deliveryStatuses).openapi({ example: 'delivered' }),
    event_id: z.string().openapi({ example: '550e8400-e29b-41d4-a716-446655440000:end' }),
    event_type: z.string().openapi({ example: 'ExecutionFailed' }),
    session_id: z.string().nullable().openapi({ description: 'Null for a test message', example: '550e8400-e29b-41d4-a716-446655440000' }),
    seq: z.int().nullable().openapi({ description: "The event's number in its session", example: 4 }),
    agent_id: z.string().nullable().openapi({ example: 'agt_k3v9x2m8q1w7e5r4t6y0u2i8' }),
    notification_id: z.string().nullable().openapi({ example: 'ntf_q1w7e5r4t6y0u2i8k3v9x2m8' }),
    integration_id: z.string().openapi({ example: 'int_x2m8q1w7e5r4t6y0u2i8k3v9' }),
    channel: z.string().nullable().openapi({ example: null }),
    test: z.boolean().openapi({ description: 'A test message that somebody asked for', example: false }),
    attempt_count: z.int().openapi({ example: 1 }),
    next_attempt_at: instant.nullable(),
    last_error: z.string().nullable().openapi({ example: null }),
    created_at: instant,
    completed_at: instant.nullable(),
  })
  .openapi('Delivery');

const attemptSchema = z
  .object({
    number: z.int().openapi({ example: 1 }),
    started_at: instant,
    duration_ms: z.int().openapi({ example: 87 }),
    ok: z.boolean(),
    status_code: z.int().nullable().openapi({ description: 'Null when there was no HTTP answer', example: 200 }),
    error: z.string().nullable().openapi({ example: null }),
    response: z.string().nullable().openapi({ description: 'The first 4 KiB of what the destination answered, with `(hidden)` in place of secrets', example: 'ok' }),
    response_cut: z.boolean().openapi({ description: 'Whether the destination answered more than that', example: false }),
  })
  .openapi('Attempt');

export const deliveryDetailSchema = deliverySchema.extend({ attempts: z.array(attemptSchema) }).openapi('DeliveryWithAttempts');

export function viewDelivery(delivery: Delivery): z.infer<typeof deliverySchema> {
  return {
    id: delivery.id,
    status: delivery.status,
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    session_id: delivery.sessionId,
    seq: delivery.seq,
    agent_id: delivery.agentId,
    notification_id: delivery.notificationId,
    integration_id: delivery.integrationId,
    channel: delivery.channel,
    test: delivery.test,
    attempt_count: delivery.attemptCount,
    next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
    last_error: delivery.lastError,
    created_at: delivery.createdAt.toISOString(),
    completed_at: delivery.completedAt?.toISOString() ?? null,
  };
}

export function viewAttempt(attempt: Attempt): z.infer<typeof attemptSchema> {
  return {
    number: attempt.number,
    started_at: attempt.startedAt.toISOString(),
    duration_ms: attempt.durationMs,
    ok: attempt.ok,
    status_code: attempt.statusCode,
    error: attempt.error,
    response: attempt.response,
    response_cut: attempt.responseIsCut,
  };
}
