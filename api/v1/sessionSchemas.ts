import { z } from '@hono/zod-openapi';
import type { Session, SessionDetail } from '../../store/sessions.ts';
import type { Decision, LoggedEvent } from '../../store/sessionLog.ts';
import { costText } from '../agentops/answers.ts';
import type { ApiSettings } from '../dependencies.ts';
import { sessionInTemporalUi } from '../links.ts';
import { timeoutsSchema, viewTimeouts } from '../timeouts.ts';
import { instant } from './answers.ts';

export const sessionStatuses = [
  'queued',
  'starting',
  'running',
  'paused',
  'paused_by_agent',
  'awaiting_confirmation',
  'completed',
  'failed',
  'cancelled',
] as const;

export const skipReasons = ['event_type', 'field_filter', 'metadata', 'disabled', 'same_destination', 'already_ended', 'itself'] as const;

const money = z.string().openapi({ description: 'US dollars, from token counts', example: '0.0093' });

export const sessionSchema = z
  .object({
    id: z.string().openapi({ example: '550e8400-e29b-41d4-a716-446655440000' }),
    status: z.enum(sessionStatuses).openapi({ description: 'As of `decided_seq`', example: 'completed' }),
    agents: z
      .array(z.object({ id: z.string(), name: z.string(), aliases: z.array(z.string()).openapi({ description: 'Ids under which the reporter knows the agent' }) }))
      .openapi({ example: [{ id: 'agt_k3v9x2m8q1w7e5r4t6y0u2i8', name: 'order-processing', aliases: ['agent-123'] }] }),
    tags: z.array(z.string()).openapi({ example: ['production'] }),
    metadata: z.record(z.string(), z.string()).openapi({ description: 'From metadata and from tags like key:value', example: { environment: 'production' } }),
    init_timestamp: instant,
    end_timestamp: instant.nullable(),
    end_state: z.string().nullable().openapi({ description: 'As the agent reported it', example: 'Success' }),
    end_state_reason: z.string().nullable().openapi({ example: 'Task successfully completed' }),
    token_cost: money,
    last_seq: z.int().openapi({ description: 'Number of the last stored event', example: 4 }),
    decided_seq: z.int().openapi({ description: 'Events up to this one are decided', example: 4 }),
    temporal_ui_url: z.string().nullable().openapi({ description: "The session's workflow", example: null }),
    created_at: instant,
    updated_at: instant,
  })
  .openapi('Session');

const deliveryCounts = z.object({ pending: z.int(), retrying: z.int(), delivered: z.int(), failed: z.int(), cancelled: z.int() });

export const sessionDetailSchema = sessionSchema
  .extend({
    details: z.record(z.string(), z.unknown()).openapi({ description: 'Everything else that was reported: host_env, inputs …', example: { host_env: { OS: { OS: 'Windows' } } } }),
    timeouts: timeoutsSchema,
    deliveries: deliveryCounts.openapi({ description: 'How many deliveries are in which status', example: { pending: 0, retrying: 0, delivered: 2, failed: 0, cancelled: 0 } }),
  })
  .openapi('SessionDetail');

export const eventSchema = z
  .object({
    id: z.string().openapi({ example: '550e8400-e29b-41d4-a716-446655440000:end' }),
    seq: z.int().openapi({ example: 4 }),
    type: z.string().openapi({ example: 'ExecutionFailed' }),
    agent_id: z.string().nullable().openapi({ description: 'As the event came with it', example: null }),
    payload: z.record(z.string(), z.unknown()).openapi({ description: 'With what update_events added', example: { reason: 'Payment gateway timeout' } }),
    silent: z.boolean().openapi({ description: 'A record that reaches no rule', example: false }),
    token_cost: money.nullable(),
    occurred_at: instant,
    received_at: instant,
  })
  .openapi('Event');

export const decisionSchema = z
  .object({
    event_id: z.string().openapi({ example: '550e8400-e29b-41d4-a716-446655440000:end' }),
    event_type: z.string().openapi({ example: 'ExecutionFailed' }),
    seq: z.int().openapi({ example: 4 }),
    agent_id: z.string().openapi({ example: 'agt_k3v9x2m8q1w7e5r4t6y0u2i8' }),
    notification_id: z.string().openapi({ example: 'ntf_q1w7e5r4t6y0u2i8k3v9x2m8' }),
    decision: z.enum(['sent', 'skipped']).openapi({ example: 'skipped' }),
    reason: z
      .enum(skipReasons)
      .nullable()
      .openapi({ description: 'Why it was skipped; null when it was sent', example: 'metadata' }),
    delivery_id: z.string().nullable().openapi({ description: 'What became of the message', example: null }),
    decided_at: instant,
  })
  .openapi('Decision');

export function viewSession(session: Session, settings: ApiSettings, organisationId: string): z.infer<typeof sessionSchema> {
  return {
    id: session.id,
    status: session.status,
    agents: session.agents,
    tags: session.tags,
    metadata: session.metadata,
    init_timestamp: session.initTimestamp.toISOString(),
    end_timestamp: session.endTimestamp?.toISOString() ?? null,
    end_state: session.endState,
    end_state_reason: session.endStateReason,
    token_cost: costText(Number(session.tokenCost)),
    last_seq: session.lastSeq,
    decided_seq: session.decidedSeq,
    temporal_ui_url: sessionInTemporalUi(settings, organisationId, session.id),
    created_at: session.createdAt.toISOString(),
    updated_at: session.updatedAt.toISOString(),
  };
}

export function viewSessionDetail(session: SessionDetail, settings: ApiSettings, organisationId: string): z.infer<typeof sessionDetailSchema> {
  return { ...viewSession(session, settings, organisationId), details: session.details, timeouts: viewTimeouts(session.timeouts), deliveries: session.deliveryCounts };
}

export function viewEvent(event: LoggedEvent): z.infer<typeof eventSchema> {
  return {
    id: event.id,
    seq: event.seq,
    type: event.type,
    agent_id: event.agentRef,
    payload: event.payload,
    silent: event.silent,
    token_cost: event.tokenCost === null ? null : costText(Number(event.tokenCost)),
    occurred_at: event.occurredAt.toISOString(),
    received_at: event.receivedAt.toISOString(),
  };
}

export function viewDecision(decision: Decision): z.infer<typeof decisionSchema> {
  const sent = decision.outcome === 'sent';
  return {
    event_id: decision.eventId,
    event_type: decision.eventType,
    seq: decision.seq,
    agent_id: decision.agentId,
    notification_id: decision.notificationId,
    decision: sent ? 'sent' : 'skipped',
    reason: decision.outcome === 'sent' ? null : decision.outcome,
    delivery_id: decision.deliveryId,
    decided_at: decision.decidedAt.toISOString(),
  };
}
