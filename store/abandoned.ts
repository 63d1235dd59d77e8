import { sql } from 'kysely';
import type { Db } from './database.ts';
import { holderIsDead } from './messages.ts';

/** A message of a session that was to be sent for the first time, and whose sender is gone. */
export interface AbandonedDelivery {
  id: string;
  organisationId: string;
  sessionKey: number;
  sessionId: string;
  seq: number;
  eventType: string;
  agentId: string;
  integrationId: string;
  channel: string | null;
  /** The organisation's rules version now. */
  rulesVersion: number;
}

/**
 * Takes over the leases of messages that nobody has tried to send and nobody works on any more: their worker died, or
 * its lease ended `graceMs` ago. A session's messages come in the order of its events.
 */
export async function leaseAbandoned(db: Db, lease: { owner: string; ms: number }, graceMs: number, limit: number): Promise<AbandonedDelivery[]> {
  const { rows } = await sql<AbandonedDelivery>`
    with abandoned as (
      select d.id from deliveries d
      where d.status = 'pending' and d.attempt_count = 0 and d.next_attempt_at is null and d.session_key is not null
        and (d.lease_until < now() - ${graceMs} * interval '1 millisecond' or (d.lease_owner <> ${lease.owner} and ${holderIsDead}))
      order by d.session_key, d.seq limit ${limit}
      for update of d skip locked
    ), leased as (
      update deliveries d
      set lease_owner = ${lease.owner}, lease_until = clock_timestamp() + ${lease.ms} * interval '1 millisecond'
      from abandoned where d.id = abandoned.id
      returning d.*
    )
    select d.id, d.organisation_id as "organisationId", d.session_key as "sessionKey", s.id as "sessionId", d.seq,
           d.event_type as "eventType", d.agent_id as "agentId", d.integration_id as "integrationId", d.channel,
           o.rules_version as "rulesVersion"
    from leased d join sessions s on s.key = d.session_key join organisations o on o.id = d.organisation_id
    order by d.session_key, d.seq`.execute(db);
  return rows;
}
