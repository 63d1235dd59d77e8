import { sql } from 'kysely';
import type { Db } from './database.ts';

/** Notes a request of Slack by its signature. False when it was noted before: somebody repeats it. */
export async function noteSlackRequest(db: Db, signature: Buffer): Promise<boolean> {
  const { rows } = await sql`
    insert into slack_requests (signature) values (${signature}) on conflict do nothing returning signature`.execute(db);
  return rows.length > 0;
}

/** Forgets requests that are too old to be accepted again anyway. */
export async function pruneSlackRequests(db: Db): Promise<void> {
  await sql`delete from slack_requests where received_at < now() - interval '1 hour'`.execute(db);
}
