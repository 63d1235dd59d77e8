import { sql } from 'kysely';
import { ORGANISATION_SESSION } from '../model/naming.ts';
import type { JsonObject } from '../model/types.ts';
import { appendEvents } from './append.ts';
import type { Db } from './database.ts';
import { createSessionRow } from './sessionRow.ts';

/** The organisation's own session neither ends nor waits for anybody. */
const timeouts = { idleMs: null, maxDurationMs: null, pauseMs: null, confirmationMs: null };

/**
 * Appends an event about the organisation itself to its own session, naming every agent that has notifications, so that
 * it is decided for all of them. The relay tells the session's workflow. Call it in the transaction of what it tells of.
 */
export async function appendOrganisationEvent(trx: Db, organisationId: string, event: { id: string; type: string; payload: JsonObject }): Promise<void> {
  const { rows: agents } = await sql<{ id: string; name: string; now: Date }>`
    select a.id, a.name, now() as now from agents a
    where a.organisation_id = ${organisationId}
      and exists (select from notifications n where n.agent_id = a.id and n.enabled)
    order by a.created_at, a.id`.execute(trx);
  const occurredAt = agents[0]?.now.toISOString();
  if (occurredAt === undefined) return;
  const effects = { agents: agents.map(({ id, name }) => ({ id, name })), timeouts };
  await createSessionRow(trx, organisationId, { id: ORGANISATION_SESSION, initTimestamp: occurredAt, details: {}, agents: [] });
  await appendEvents(trx, [{ organisationId, sessionId: ORGANISATION_SESSION, events: [{ ...event, occurredAt, effects }] }]);
}
