import { sql, type Kysely } from 'kysely';

/**
 * Sessions note until when a worker listens for their next events. The rows that every event writes lose their
 * foreign keys: the statements that write them hold or have read the session they name, nothing ever deletes a
 * session, and the checks cost Postgres a quarter of its time.
 */
export async function up(db: Kysely<never>): Promise<void> {
  await sql.raw(`
    alter table session_progress add column listening_until timestamptz;
    alter table events drop constraint events_session_key_fkey;
    alter table decisions drop constraint decisions_session_key_fkey;
    alter table deliveries drop constraint deliveries_session_key_fkey;
    alter table attempts drop constraint attempts_delivery_id_fkey;
  `).execute(db);
}
