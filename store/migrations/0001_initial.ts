import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  const statements = `
    create table organisations (
      id uuid primary key default gen_random_uuid(),
      name text not null,
      rules_version bigint not null default 1,
      created_at timestamptz not null default now()
    );
    create table api_keys (
      id text primary key,
      organisation_id uuid not null references organisations,
      name text not null,
      key_hash bytea not null unique,
      hint text not null,
      scopes text[] not null,
      default_agent_id text,
      created_at timestamptz not null default now(),
      revoked_at timestamptz
    );
    create index api_keys_of_organisation on api_keys (organisation_id, created_at);
    create table agents (
      id text primary key,
      organisation_id uuid not null references organisations,
      name text not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      unique (organisation_id, name)
    );
    create table integrations (
      id text primary key,
      organisation_id uuid not null references organisations,
      name text not null,
      type text not null,
      config jsonb not null,
      secrets text not null,
      enabled boolean not null default true,
      disabled_reason text,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    create index integrations_of_organisation on integrations (organisation_id, created_at);
    create table notifications (
      id text primary key,
      organisation_id uuid not null references organisations,
      agent_id text not null references agents on delete cascade,
      integration_id text not null references integrations on delete cascade,
      subscription jsonb not null,
      metadata_filter jsonb not null,
      channel text,
      enabled boolean not null default true,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );
    create index notifications_of_agent on notifications (agent_id, created_at);
    create index notifications_of_integration on notifications (integration_id);
    create table rule_sets (
      id bigint primary key generated always as identity,
      organisation_id uuid not null references organisations,
      agent_id text not null,
      digest bytea not null,
      notification_ids text[] not null,
      unique (organisation_id, digest)
    );
    create table sessions (
      key bigint primary key generated always as identity,
      organisation_id uuid not null references organisations,
      id text not null,
      tags jsonb not null,
      metadata jsonb not null,
      details json not null,
      agents jsonb not null,
      status text not null default 'starting',
      end_state text,
      end_state_reason text,
      init_timestamp timestamptz not null,
      end_timestamp timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      unique (organisation_id, id)
    );
    create index sessions_newest on sessions (organisation_id, key);
    create table session_progress (
      session_key bigint primary key references sessions,
      last_seq bigint not null default 0,
      decided_seq bigint not null default 0,
      snapshot json,
      token_cost numeric not null default 0,
      appended_at timestamptz not null default now()
    ) with (fillfactor = 50);
    create index session_progress_undecided on session_progress (appended_at) where last_seq > decided_seq;
    create table events (
      session_key bigint not null references sessions,
      seq bigint not null,
      event_id text not null,
      type text not null,
      agent_ref text,
      payload json not null,
      patch json,
      effects json,
      silent boolean not null,
      rules_version bigint not null,
      token_cost numeric,
      occurred_at timestamptz not null,
      received_at timestamptz not null default now(),
      primary key (session_key, seq),
      unique (session_key, event_id)
    );
    create index events_with_effects on events (session_key, seq) where effects is not null;
    create table decisions (
      session_key bigint not null references sessions,
      seq bigint not null,
      outcomes json not null,
      decided_at timestamptz not null default now(),
      primary key (session_key, seq)
    );
    create table deliveries (
      id text primary key,
      organisation_id uuid not null references organisations,
      session_key bigint references sessions,
      seq bigint,
      event_id text not null,
      event_type text not null,
      agent_id text,
      notification_id text,
      integration_id text not null,
      channel text,
      status text not null default 'pending',
      attempt_count integer not null default 0,
      next_attempt_at timestamptz,
      lease_owner text,
      lease_until timestamptz,
      last_error text,
      test_event json,
      created_at timestamptz not null default now(),
      completed_at timestamptz
    ) with (fillfactor = 70);
    create index deliveries_newest on deliveries (organisation_id, created_at, id);
    create index deliveries_of_session on deliveries (session_key, seq);
    create index deliveries_open on deliveries ((coalesce(next_attempt_at, lease_until))) where status in ('pending', 'retrying');
    create table attempts (
      delivery_id text not null references deliveries on delete cascade,
      number integer not null,
      started_at timestamptz not null,
      duration_ms integer not null,
      ok boolean not null,
      status_code integer,
      error text,
      response text,
      primary key (delivery_id, number)
    );
    create table workers (
      owner text primary key,
      alive_until timestamptz not null
    );
    create table idempotency_keys (
      organisation_id uuid not null references organisations,
      key text not null,
      request_hash bytea not null,
      status integer,
      body text,
      created_at timestamptz not null default now(),
      primary key (organisation_id, key)
    );
    create index idempotency_keys_by_age on idempotency_keys (created_at);
  `;
  await sql.raw(statements).execute(db);
}
