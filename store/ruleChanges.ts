import type { Db } from './database.ts';
import { raiseRulesVersion } from './organisations.ts';
import { inTransaction } from './transactions.ts';

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
