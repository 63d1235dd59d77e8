import { sql } from 'kysely';
import { REMINDER } from '../model/session.ts';
import type { Json, JsonObject } from '../model/types.ts';
import { confirmationId } from './confirmations.ts';
import type { Db } from './database.ts';

/** A message that asks somebody a question. */
export interface AskedMessage {
  deliveryId: string;
  organisationId: string;
  sessionId: string;
  /** The question; store/confirmations.ts knows what became of it. */
  confirmationId: string;
  eventType: string;
  metadata: Record<string, string>;
  agentName: string;
  integration: AskedIntegration;
}

export interface AskedIntegration {
  id: string;
  name: string;
  type: string;
  config: JsonObject;
  /** Still sealed. */
  secrets: string;
}

/** The question that an event asks, or reminds of; undefined when it does neither. */
export function questionOf(sessionKey: number, event: { id: string; type: string; payload: JsonObject }): string | undefined {
  if (event.type === 'ExecutionAwaitingConfirmation') return confirmationId(sessionKey, event.id);
  const named: Json | undefined = event.type === REMINDER ? event.payload.confirmation_id : undefined;
  return typeof named === 'string' ? named : undefined;
}

/** Undefined when there is no such delivery, its integration is gone, or it asks nothing. */
export async function findAskedMessage(db: Db, deliveryId: string): Promise<AskedMessage | undefined> {
  const { rows } = await sql<Omit<AskedMessage, 'confirmationId'> & { sessionKey: number; eventId: string; payload: JsonObject }>`
    select d.id as "deliveryId", d.organisation_id as "organisationId", s.id as "sessionId", s.metadata, d.session_key as "sessionKey",
           d.event_id as "eventId", d.event_type as "eventType", e.payload,
           coalesce((select a.name from agents a where a.id = d.agent_id), 'deleted agent') as "agentName",
           json_build_object('id', i.id, 'name', i.name, 'type', i.type, 'config', i.config, 'secrets', i.secrets) as integration
    from deliveries d
    join sessions s on s.key = d.session_key
    join events e on e.session_key = d.session_key and e.seq = d.seq
    join integrations i on i.id = d.integration_id and i.organisation_id = d.organisation_id
    where d.id = ${deliveryId}`.execute(db);
  const row = rows[0];
  if (!row) return undefined;
  const { sessionKey, eventId, payload, ...message } = row;
  const asked = questionOf(sessionKey, { id: eventId, type: message.eventType, payload });
  return asked === undefined ? undefined : { ...message, confirmationId: asked };
}
