import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  const statements = `
    alter table integrations add column delivery jsonb not null default '{}';
    update integrations
    set config = config - 'timeout_ms',
        delivery = case when config->>'timeout_ms' = '15000' then '{}' else jsonb_build_object('timeout_s', (config->>'timeout_ms')::numeric / 1000) end
    where type = 'webhook' and config ? 'timeout_ms';
    alter table deliveries add column turn_at timestamptz;
    create table integration_health (
      integration_id text primary key,
      failing_since timestamptz,
      last_failure_at timestamptz,
      last_error text,
      warned_at timestamptz,
      last_success_at timestamptz,
      paused_until timestamptz,
      pause_ms integer
    );
    create index integration_health_paused on integration_health (paused_until);
    create table rate_limits (
      integration_id text not null,
      channel text not null,
      per_second float8 not null,
      next_turn_at timestamptz not null,
      primary key (integration_id, channel)
    ) with (fillfactor = 50);
  `;
  await sql.raw(statements).execute(db);
}
