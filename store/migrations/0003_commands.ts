import { sql, type Kysely } from 'kysely';

/** Confirmations, and the timeouts of organisations and sessions. */
export async function up(db: Kysely<never>): Promise<void> {
  const statements = `
    alter table organisations add column timeouts jsonb not null default '{}';
    alter table sessions add column timeouts jsonb not null default '{}';
    create table confirmations (
      id text primary key,
      organisation_id uuid not null references organisations,
      session_key bigint not null references sessions,
      seq bigint not null,
      event_id text not null,
      status text not null default 'pending',
      asked_at timestamptz not null,
      expires_at timestamptz,
      on_timeout text not null,
      closed_at timestamptz,
      closed_by_event_id text,
      decided_by text,
      reason text
    );
    create unique index confirmations_of_session on confirmations (session_key, seq);
  `;
  await sql.raw(statements).execute(db);
}
