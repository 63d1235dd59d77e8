import { sql, type Kysely } from 'kysely';

/** The installation's own signing keys, and installs of Slack's app that somebody has begun. */
export async function up(db: Kysely<never>): Promise<void> {
  const statements = `
    create table signing_keys (
      name text primary key,
      public_key text not null,
      private_key text not null,
      created_at timestamptz not null default now()
    );
    create table slack_installs (
      ticket_hash bytea primary key,
      organisation_id uuid not null references organisations,
      integration_id text references integrations on delete cascade,
      name text not null,
      channel text,
      expires_at timestamptz not null
    );
    create index slack_installs_by_end on slack_installs (expires_at);
  `;
  await sql.raw(statements).execute(db);
}
