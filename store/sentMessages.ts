import { sql } from 'kysely';
import type { JsonObject } from '../model/types.ts';
import type { Db } from './database.ts';

/** A message that can be changed where it is. */
export interface SentMessage {
  organisationId: string;
  sessionKey: number;
  sessionId: string;
  seq: number;
  agentId: string;
  integrationId: string;
  channel: string | null;
  /** How its destination knows it. */
  reference: JsonObject;
  /** It shows already how its question was answered. */
  settled: boolean;
  /** The organisation's rules version now. */
  rulesVersion: number;
}

/** Undefined for a delivery without a message that could be changed. */
export async function loadSentMessage(db: Db, deliveryId: string): Promise<SentMessage | undefined> {
  const { rows } = await sql<SentMessage>`
    select d.organisation_id as "organisationId", d.session_key as "sessionKey", s.id as "sessionId", d.seq, d.agent_id as "agentId",
           d.integration_id as "integrationId", d.channel, d.message_ref as reference, d.settled_at is not null as settled,
           o.rules_version as "rulesVersion"
    from deliveries d join sessions s on s.key = d.session_key join organisations o on o.id = d.organisation_id
    where d.id = ${deliveryId} and d.message_ref is not null`.execute(db);
  return rows[0];
}

export interface UnsettledMessage {
  deliveryId: string;
  organisationId: string;
  integrationId: string;
}

/** Messages whose question was answered and that do not show it yet, in the order of their deliveries' ids. */
export async function findUnsettledMessages(db: Db, page: { afterId: string; limit: number }): Promise<UnsettledMessage[]> {
  const { rows } = await sql<UnsettledMessage>`
    select d.id as "deliveryId", d.organisation_id as "organisationId", d.integration_id as "integrationId"
    from deliveries d join confirmations c on c.id = d.message_ref ->> 'confirmation'
    where d.message_ref is not null and d.settled_at is null and c.status <> 'pending' and d.id > ${page.afterId}
    order by d.id limit ${page.limit}`.execute(db);
  return rows;
}

/** There is nothing left to change about a message. */
export async function markSettled(db: Db, deliveryId: string): Promise<void> {
  await sql`update deliveries set settled_at = clock_timestamp() where id = ${deliveryId} and settled_at is null`.execute(db);
}
