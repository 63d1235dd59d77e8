import type { Db } from './database.ts';
import { newId } from './ids.ts';
import { raiseRulesVersion } from './organisations.ts';

/**
 * The organisation's agent of this name, made now if there is none.
 * Safe against two callers at once: both get the same agent, and one of them `created: true`.
 */
export async function findOrCreateAgent(db: Db, organisationId: string, name: string): Promise<{ id: string; name: string; created: boolean }> {
  const known = await findAgentByName(db, organisationId, name);
  if (known) return { ...known, created: false };
  return inTransaction(db, async (trx) => {
    const id = newId('agt');
    const agent = await trx
      .insertInto('agents')
      .values({ id, organisation_id: organisationId, name })
      // An update that changes nothing, because "do nothing" would not return the row that won.
      .onConflict((conflict) => conflict.columns(['organisation_id', 'name']).doUpdateSet({ name }))
      .returning(['id', 'name'])
      .executeTakeFirstOrThrow();
    const created = agent.id === id;
    if (created) await raiseRulesVersion(trx, organisationId);
    return { ...agent, created };
  });
}

/** The organisation's agent with this id, else the one with this name. */
export async function findAgent(db: Db, organisationId: string, idOrName: string): Promise<{ id: string; name: string } | undefined> {
  const found = await db
    .selectFrom('agents')
    .select(['id', 'name'])
    .where('organisation_id', '=', organisationId)
    .where((is) => is.or([is('id', '=', idOrName), is('name', '=', idOrName)]))
    .execute();
  return found.find((agent) => agent.id === idOrName) ?? found[0];
}

function findAgentByName(db: Db, organisationId: string, name: string): Promise<{ id: string; name: string } | undefined> {
  return db
    .selectFrom('agents')
    .select(['id', 'name'])
    .where('organisation_id', '=', organisationId)
    .where('name', '=', name)
    .executeTakeFirst();
}

function inTransaction<T>(db: Db, work: (trx: Db) => Promise<T>): Promise<T> {
  return db.isTransaction ? work(db) : db.transaction().execute(work);
}
