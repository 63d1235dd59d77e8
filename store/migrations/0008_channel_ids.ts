import { sql, type Kysely } from 'kysely';

/** A channel that is chosen by name and by id has one rate limit: `same_as` is the id of a named one, once it is known. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql.raw('alter table rate_limits add column same_as text').execute(db);
}
