import { createHash, randomBytes } from 'node:crypto';
import type { Db } from './database.ts';

/** Long enough to pass the link on to somebody who may install apps in the workspace. */
const VALID_MS = 3_600_000;

/** An install of Slack's app that an administrator of an organisation has begun. */
export interface SlackInstall {
  organisationId: string;
  /** The integration that gets the new token; null for a new one. */
  integrationId: string | null;
  /** Of a new integration. */
  name: string;
  /** Default channel, or null to keep or to choose later. */
  channel: string | null;
}

/** Answers the ticket that stands for the install; it is stored as a hash. */
export async function createSlackInstall(db: Db, install: SlackInstall): Promise<{ ticket: string; expiresAt: Date }> {
  const ticket = randomBytes(32).toString('base64url');
  const expiresAt = new Date(Date.now() + VALID_MS);
  const { organisationId, integrationId, name, channel } = install;
  await db
    .insertInto('slack_installs')
    .values({ ticket_hash: hashOf(ticket), organisation_id: organisationId, integration_id: integrationId, name, channel, expires_at: expiresAt })
    .execute();
  return { ticket, expiresAt };
}

/** Whose install a ticket stands for, while it is valid. */
export async function findSlackInstall(db: Db, ticket: string): Promise<{ organisationName: string } | undefined> {
  return db
    .selectFrom('slack_installs as s')
    .innerJoin('organisations as o', 'o.id', 's.organisation_id')
    .select('o.name as organisationName')
    .where('s.ticket_hash', '=', hashOf(ticket))
    .where('s.expires_at', '>', new Date())
    .executeTakeFirst();
}

/** Uses a ticket up. Of several who try, one gets the install. */
export async function takeSlackInstall(db: Db, ticket: string): Promise<SlackInstall | undefined> {
  return db
    .deleteFrom('slack_installs')
    .where('ticket_hash', '=', hashOf(ticket))
    .where('expires_at', '>', new Date())
    .returning(['organisation_id as organisationId', 'integration_id as integrationId', 'name', 'channel'])
    .executeTakeFirst();
}

export async function pruneSlackInstalls(db: Db): Promise<void> {
  await db.deleteFrom('slack_installs').where('expires_at', '<', new Date()).execute();
}

function hashOf(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}
