import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  const statements = `
    create table replays (
      id text primary key,
      organisation_id uuid not null references organisations,
      kind text not null,
      status text not null default 'running',
      integration_id text not null,
      notification_id text,
      session_id text,
      since timestamptz,
      until timestamptz not null,
      position json,
      searched boolean not null default false,
      found integer not null default 0,
      started integer not null default 0,
      skipped integer not null default 0,
      delivered integer not null default 0,
      failed integer not null default 0,
      cancelled integer not null default 0,
      error text,
      due_at timestamptz not null default now(),
      created_at timestamptz not null default now(),
      completed_at timestamptz
    );
    create index replays_of_organisation on replays (organisation_id, created_at, id);
    create index replays_running on replays (due_at) where status = 'running';
    create index replays_of_integration on replays (integration_id);
    create table replay_items (
      replay_id text not null references replays on delete cascade,
      delivery_id text not null,
      ordinal integer not null,
      new_delivery json,
      state text not null default 'waiting',
      primary key (replay_id, delivery_id)
    );
    create index replay_items_waiting on replay_items (replay_id, ordinal) where state = 'waiting';
    create index replay_items_started on replay_items (replay_id) where state = 'started';
    alter table deliveries add column attempts_before integer not null default 0;
    create index deliveries_failed on deliveries (integration_id, completed_at, id) where status = 'failed';
    create function herald_has_disabled(outcomes json) returns boolean
      language plpgsql immutable parallel safe as $$ begin return strpos(outcomes::text, 'd') > 0; end $$;
    create index decisions_disabled on decisions (decided_at, session_key, seq) where herald_has_disabled(outcomes);
  `;
  await sql.raw(statements).execute(db);
}
