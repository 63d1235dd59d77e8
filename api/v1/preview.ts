import { createRoute, z } from '@hono/zod-openapi';
import type { Message, MessageConfirmation } from '../../activities/channels/channel.ts';
import { metadataOf } from '../../model/metadata.ts';
import { evaluate } from '../../model/rules.ts';
import { findAgent } from '../../store/agents.ts';
import type { Db } from '../../store/database.ts';
import { newId } from '../../store/ids.ts';
import { readIntegration } from '../../store/integrations.ts';
import { loadStoredEvents } from '../../store/messages.ts';
import type { Notification } from '../../store/notifications.ts';
import { findEventSeq } from '../../store/sessionLog.ts';
import { findSessionKey } from '../../store/sessions.ts';
import { sessionUrl } from '../agentops/answers.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { invalidInput, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { outsideId } from '../schemas.ts';
import { anyJson, conflicting, idempotencyHeader, jsonAnswer, jsonBody, missing, refusals } from './answers.ts';
import { eventTypeName } from './filters.ts';
import { type Guards, security } from './guard.ts';
import { channelOf } from './integrations.ts';
import { notificationIdParam, requireNotification } from './notifications.ts';
import { skipReasons } from './sessionSchemas.ts';

const givenEvent = z.strictObject({
  event: z.strictObject({
    type: eventTypeName,
    payload: z.record(z.string(), anyJson).default({}).openapi({ example: { reason: 'Payment gateway timeout' } }),
  }),
  metadata: z.record(z.string(), anyJson).default({}).openapi({ example: { environment: 'production' } }),
});
const storedEvent = z.strictObject({ session_id: outsideId, event_id: outsideId });

/** Checked by the handler: which of the two it is decides what is wrong with it. */
const previewBody = z.looseObject({}).openapi('PreviewRequest', {
  type: 'object',
  description: 'An event to imagine (`event`, `metadata`), or one that is stored (`session_id`, `event_id`)',
  example: { event: { type: 'ExecutionFailed', payload: { reason: 'Payment gateway timeout' } }, metadata: { environment: 'production' } },
});

const previewSchema = z
  .object({
    decision: z.enum(['sent', 'skipped']).openapi({ example: 'sent' }),
    reason: z.enum(skipReasons).nullable().openapi({ description: 'Why it is skipped', example: null }),
    to: z.string().openapi({ description: 'Where the message would go', example: 'Slack #operations-alerts' }),
    message: z
      .object({ headers: z.record(z.string(), z.string()), body: z.unknown() })
      .openapi({
        description: 'The message without secrets and signature; also when it is skipped, to show what it would look like',
        example: { headers: { 'content-type': 'application/json' }, body: { text: '🔴 Execution Failed - Payment gateway timeout' } },
      }),
  })
  .openapi('Preview');

const preview = createRoute({
  tags: ['Notifications'],
  security,
  method: 'post',
  path: '/notifications/{id}/preview',
  summary: 'See what a notification makes of an event',
  description: 'Decides by the rules as they are now and renders the message. Sends and stores nothing.',
  request: { params: notificationIdParam, headers: idempotencyHeader, body: jsonBody(previewBody) },
  responses: { 200: jsonAnswer('The decision and the message', previewSchema), ...refusals, ...missing, ...conflicting },
});

type PreviewedEvent = Pick<Message, 'eventId' | 'eventType' | 'occurredAt' | 'seq' | 'payload' | 'metadata'> & { sessionId: string };

export function registerPreview(app: ApiRouter, { db, settings }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...preview, middleware: guards.create('admin') }, async (c) => {
    const { organisationId } = c.var;
    const body = readPreview(c.req.valid('json'));
    const notification = await requireNotification(db, organisationId, c.req.valid('param').id);
    const event = 'event' in body ? imagined(body) : await stored(db, organisationId, body);
    const integration = await readIntegration(db, organisationId, notification.integrationId);
    const agent = await findAgent(db, organisationId, notification.agentId);
    if (!integration || !agent) throw notFound(`notification '${notification.id}'`);
    const { sessionId, ...rest } = event;
    const message: Message = {
      ...rest,
      deliveryId: 'dlv_preview',
      session: { id: sessionId, url: sessionUrl(settings.publicUrl, sessionId) },
      agent,
      channel: notification.channel,
      ...(event.eventType === 'ExecutionAwaitingConfirmation' ? { confirmation: exampleQuestion(settings.publicUrl) } : {}),
      test: false,
    };
    const channel = channelOf(integration.type);
    return c.json(
      {
        ...decide(notification, integration.enabled, event),
        to: channel.describe(integration.config, notification.channel),
        message: channel.render(message, integration.config),
      },
      200,
    );
  });
}

/** A question without a link that would work: a preview decides nothing. */
function exampleQuestion(publicUrl: string): MessageConfirmation {
  return { id: 'cnf_preview', status: 'pending', decidedBy: null, reason: null, expiresAt: null, onTimeout: 'reject', url: `${publicUrl}/decide?link=preview` };
}

function readPreview(body: Record<string, unknown>) {
  const result = ('session_id' in body || 'event_id' in body ? storedEvent : givenEvent).safeParse(body);
  if (!result.success) throw invalidInput(result.error);
  return result.data;
}

function decide(notification: Notification, integrationEnabled: boolean, event: PreviewedEvent) {
  const rule = { ...notification, enabled: notification.enabled && integrationEnabled };
  const result = evaluate(rule, { type: event.eventType, payload: event.payload }, event.metadata);
  if (result.decision === 'sent') return { decision: 'sent' as const, reason: null };
  if (result.decision === 'unknown') throw new Error('A whole event cannot be undecidable.');
  return { decision: 'skipped' as const, reason: result.reason };
}

function imagined({ event, metadata }: z.output<typeof givenEvent>): PreviewedEvent {
  return {
    eventId: `preview_${newId('dlv').slice(4)}`,
    eventType: event.type,
    occurredAt: new Date().toISOString(),
    seq: null,
    payload: event.payload,
    metadata: metadataOf([], metadata),
    sessionId: 'preview',
  };
}

async function stored(db: Db, organisationId: string, wanted: z.output<typeof storedEvent>): Promise<PreviewedEvent> {
  const key = await findSessionKey(db, organisationId, wanted.session_id);
  if (key === undefined) throw notFound(`session '${wanted.session_id}'`);
  const seq = await findEventSeq(db, key, wanted.event_id);
  const event = seq === undefined ? undefined : (await loadStoredEvents(db, key, [seq])).get(seq);
  if (!event) throw notFound(`event '${wanted.event_id}'`, `The session '${wanted.session_id}' has no event '${wanted.event_id}'.`);
  return { ...event, sessionId: wanted.session_id };
}
