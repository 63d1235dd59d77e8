import type { Db } from './database.ts';
import { raiseRulesVersion } from './organisations.ts';

/** Runs `work` in the transaction that `db` already is, or in one of its own. */
export function inTransaction<T>(db: Db, work: (trx: Db) => Promise<T>): Promise<T> {
  return db.isTransaction ? work(db) : db.transaction().execute(work);
}

/**
 * Runs a change of agents, integrations or notifications and raises the organisation's rules version with it.
 * The version is raised first: its row is the lock behind which an organisation's changes wait for each other,
 * so that they see each other's limits and names and never deadlock.
 */
export function changeRules<T>(db: Db, organisationId: string, work: (trx: Db) => Promise<T>): Promise<T> {
  return inTransaction(db, async (trx) => {
    await raiseRulesVersion(trx, organisationId);
    return work(trx);
  });
}
