import type { JsonObject } from '../model/types.ts';
import type { Db } from './database.ts';

/** Throws when Postgres does not answer. */
export async function ping(db: Db): Promise<void> {
  await db.selectFrom('organisations').select('id').limit(1).execute();
}

export async function sessionExists(db: Db, organisationId: string, sessionId: string): Promise<boolean> {
  const query = db.selectFrom('sessions').select('key').where('organisation_id', '=', organisationId);
  return (await query.where('id', '=', sessionId).executeTakeFirst()) !== undefined;
}

/** The organisations that have a session of this id, two at most: ids are unique within an organisation only. */
export async function organisationsWithSession(db: Db, sessionId: string): Promise<string[]> {
  const rows = await db.selectFrom('sessions').select('organisation_id').where('id', '=', sessionId).limit(2).execute();
  return rows.map((row) => row.organisation_id);
}

/** An event as it was stored, and what update_events added since. */
export interface StoredEvent {
  id: string;
  type: string;
  payload: JsonObject;
  patch: JsonObject | null;
}

/** Those of the session's events that have one of the ids, by id. */
export async function findEvents(db: Db, sessionKey: number, eventIds: string[]): Promise<Map<string, StoredEvent>> {
  const rows = await db
    .selectFrom('events')
    .select(['event_id as id', 'type', 'payload', 'patch'])
    .where('session_key', '=', sessionKey)
    .where('event_id', 'in', eventIds)
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}
