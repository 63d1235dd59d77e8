import { sql, type Kysely } from 'kysely';

/** An attempt says whether its destination answered more than is kept. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql.raw('alter table attempts add column response_cut boolean not null default false').execute(db);
}
