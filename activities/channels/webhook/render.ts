import { eventConstant } from '../../../model/events.ts';
import type { Json, JsonObject } from '../../../model/types.ts';
import type { Message, MessageConfirmation, Rendered } from '../channel.ts';
import { userAgent } from '../version.ts';
import { readConfig } from './config.ts';

/** The message as Asteroid's webhooks (V2) are written, or only its result when the integration unwraps results. */
export function renderWebhook(message: Message, config: JsonObject): Rendered {
  const unwrap = readConfig(config).unwrap_result && message.eventType === 'ExecutionCompleted';
  return {
    headers: {
      'content-type': 'application/json',
      'user-agent': userAgent,
      'webhook-id': message.deliveryId,
      ...(message.seq !== null && { 'herald-sequence': String(message.seq) }),
      ...(message.test && { 'herald-test': 'true' }),
    },
    body: unwrap ? resultOf(message.payload) : envelope(message),
  };
}

function envelope(message: Message): JsonObject {
  return {
    type: 'execution',
    event_id: message.eventId,
    timestamp: message.occurredAt,
    info: {
      event: eventConstant(message.eventType),
      execution_id: message.session.id,
      execution_url: message.session.url,
      agent_id: message.agent.id,
      agent_name: message.agent.name,
      payload: message.payload,
      metadata: message.metadata,
      ...(message.seq !== null && { sequence: message.seq }),
      ...(message.confirmation && { confirmation: confirmationOf(message.confirmation) }),
      ...(message.test && { test: true }),
    },
  };
}

/** While the question is open, with the address of the page on which it can be answered. */
function confirmationOf({ id, status, expiresAt, onTimeout, decidedBy, reason, url }: MessageConfirmation): JsonObject {
  if (status !== 'pending') return { id, status, decided_by: decidedBy, reason };
  return { id, status, expires_at: expiresAt, on_timeout: onTimeout, decision_url: url };
}

function resultOf(payload: JsonObject): Json {
  return payload.result ?? null;
}
