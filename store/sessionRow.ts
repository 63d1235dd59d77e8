import { sql } from 'kysely';
import type { SessionTimeouts } from '../model/timeouts.ts';
import type { JsonObject, SessionAgent } from '../model/types.ts';
import type { Db } from './database.ts';

/** A session as the one who holds its lock sees it. */
export interface LockedSession {
  key: number;
  id: string;
  tags: string[];
  metadata: Record<string, string>;
  details: JsonObject;
  agents: SessionAgent[];
  timeouts: Partial<SessionTimeouts>;
  endTimestamp: Date | null;
  endState: string | null;
  /** US dollars, from token counts. */
  tokenCost: number;
  lastSeq: number;
}

/** What is to change; absent fields stay. */
export interface SessionUpdate {
  tags?: string[];
  metadata?: Record<string, string>;
  details?: JsonObject;
  agents?: SessionAgent[];
  timeouts?: Partial<SessionTimeouts>;
  endState?: string;
  endStateReason?: string;
  /** ISO 8601, UTC. */
  endTimestamp?: string;
  /** Later fields of stored events, merged over the events for readers. */
  patches?: { eventId: string; patch: JsonObject; tokenCost?: number }[];
}

/** Creates a session, whose own timeouts win over its organisation's; undefined when its organisation has one of this id. */
export async function createSessionRow(
  trx: Db,
  organisationId: string,
  session: {
    id: string;
    initTimestamp: string;
    tags?: string[];
    metadata?: Record<string, string>;
    details: JsonObject;
    agents: { id: string; name: string; alias?: string }[];
    timeouts?: Partial<SessionTimeouts>;
  },
): Promise<{ key: number; timeouts: Partial<SessionTimeouts> } | undefined> {
  const agents = session.agents.map(({ id, name, alias }) => ({ id, name, aliases: alias === undefined ? [] : [alias] }));
  const row = await trx
    .insertInto('sessions')
    .values({
      organisation_id: organisationId,
      id: session.id,
      tags: JSON.stringify(session.tags ?? []),
      metadata: JSON.stringify(session.metadata ?? {}),
      details: JSON.stringify(session.details),
      agents: JSON.stringify(agents),
      init_timestamp: session.initTimestamp,
      timeouts: sql<string>`(select timeouts from organisations where id = ${organisationId}::uuid) || ${JSON.stringify(session.timeouts ?? {})}::jsonb`,
    })
    .onConflict((conflict) => conflict.columns(['organisation_id', 'id']).doNothing())
    .returning(['key', 'timeouts'])
    .executeTakeFirst();
  if (row) await trx.insertInto('session_progress').values({ session_key: row.key }).execute();
  return row;
}

export async function loadLockedSession(trx: Db, key: number): Promise<LockedSession> {
  const row = await trx
    .selectFrom('sessions as s')
    .innerJoin('session_progress as p', 'p.session_key', 's.key')
    .select(['s.key', 's.id', 's.tags', 's.metadata', 's.details', 's.agents', 's.timeouts', 's.end_timestamp', 's.end_state'])
    .select(['p.token_cost', 'p.last_seq'])
    .where('s.key', '=', key)
    .executeTakeFirstOrThrow();
  return {
    key: row.key,
    id: row.id,
    tags: row.tags,
    metadata: row.metadata,
    details: row.details,
    agents: row.agents,
    timeouts: row.timeouts,
    endTimestamp: row.end_timestamp,
    endState: row.end_state,
    tokenCost: Number(row.token_cost),
    lastSeq: row.last_seq,
  };
}

/** Changes a session whose lock the transaction holds. */
export async function updateSessionRow(trx: Db, key: number, update: SessionUpdate): Promise<void> {
  const columns = {
    ...(update.tags ? { tags: JSON.stringify(update.tags) } : {}),
    ...(update.metadata ? { metadata: JSON.stringify(update.metadata) } : {}),
    ...(update.details ? { details: JSON.stringify(update.details) } : {}),
    ...(update.agents ? { agents: JSON.stringify(update.agents) } : {}),
    ...(update.timeouts ? { timeouts: JSON.stringify(update.timeouts) } : {}),
    ...(update.endState === undefined ? {} : { end_state: update.endState }),
    ...(update.endStateReason === undefined ? {} : { end_state_reason: update.endStateReason }),
    ...(update.endTimestamp === undefined ? {} : { end_timestamp: update.endTimestamp }),
  };
  if (Object.keys(columns).length > 0) {
    await trx.updateTable('sessions').set({ ...columns, updated_at: new Date() }).where('key', '=', key).execute();
  }
  if (update.patches && update.patches.length > 0) await patchEvents(trx, key, update.patches);
}

/** Later fields win over earlier ones; several patches of one event are applied in their order. */
async function patchEvents(trx: Db, key: number, patches: NonNullable<SessionUpdate['patches']>): Promise<void> {
  const stored = await trx
    .selectFrom('events')
    .select(['event_id', 'patch', 'token_cost'])
    .where('session_key', '=', key)
    .where(sql<boolean>`event_id = any(${patches.map((each) => each.eventId)}::text[])`)
    .execute();
  const patched = new Map(stored.map((row) => [row.event_id, { patch: row.patch ?? {}, tokenCost: row.token_cost === null ? null : Number(row.token_cost) }]));
  let added = 0;
  for (const { eventId, patch, tokenCost } of patches) {
    const event = patched.get(eventId);
    if (!event) throw new Error(`Event ${eventId} is not stored.`);
    if (tokenCost !== undefined) added += tokenCost - (event.tokenCost ?? 0);
    patched.set(eventId, { patch: { ...event.patch, ...patch }, tokenCost: tokenCost ?? event.tokenCost });
  }
  const rows = [...patched];
  await sql`
    update events e set patch = w.patch, token_cost = w.token_cost
    from unnest(${rows.map(([id]) => id)}::text[], ${rows.map(([, event]) => JSON.stringify(event.patch))}::json[],
                ${rows.map(([, event]) => event.tokenCost)}::numeric[]) as w (event_id, patch, token_cost)
    where e.session_key = ${key} and e.event_id = w.event_id`.execute(trx);
  if (added !== 0) await sql`update session_progress set token_cost = token_cost + ${added} where session_key = ${key}`.execute(trx);
}
