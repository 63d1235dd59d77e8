import { sql, type Kysely } from 'kysely';

/**
 * Tells API processes when a session's status changes or a question of it is answered, so that those who wait for it
 * need not ask. The first step into `running` is not told: every session takes it, and hardly anybody waits for it.
 *
 * A delivery remembers which message of its destination it became (`message_ref`), and that this message shows how the
 * question in it was answered (`settled_at`). Requests of Slack are noted, so that none is accepted twice.
 */
export async function up(db: Kysely<never>): Promise<void> {
  await sql.raw(`
    create function herald_tell_session_status() returns trigger language plpgsql as $$
    begin
      perform pg_notify('herald_status', new.key::text);
      return null;
    end $$;
    create trigger sessions_status_told after update of status on sessions
      for each row when (old.status is distinct from new.status and old.status not in ('queued', 'starting'))
      execute function herald_tell_session_status();

    create function herald_tell_confirmation() returns trigger language plpgsql as $$
    begin
      perform pg_notify('herald_status', new.session_key::text);
      return null;
    end $$;
    create trigger confirmations_status_told after update of status on confirmations
      for each row when (old.status is distinct from new.status)
      execute function herald_tell_confirmation();

    alter table deliveries add column message_ref json, add column settled_at timestamptz;
    create index deliveries_unsettled on deliveries (id) where message_ref is not null and settled_at is null;

    create table slack_requests (
      signature bytea primary key,
      received_at timestamptz not null default now()
    );
    create index slack_requests_by_age on slack_requests (received_at);
  `).execute(db);
}
