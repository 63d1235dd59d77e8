import { sql } from 'kysely';
import type { Db } from './database.ts';
import { isUnavailable, UncertainError } from './unavailable.ts';

/** So long a transaction whose commit was not answered is asked after. */
const ASK_FOR_MS = 15_000;
const ASK_EVERY_MS = 250;

/**
 * Runs `work` in the transaction that `db` already is, or in one of its own. What is thrown says that nothing was
 * stored: where a commit is not answered, Postgres is asked what became of it.
 * @throws {UncertainError} when it could not be asked in time.
 */
export async function inTransaction<T>(db: Db, work: (trx: Db) => Promise<T>): Promise<T> {
  if (db.isTransaction) return work(db);
  /** What is about to be committed; without an id nothing was written. */
  let ready: { answer: T; id: string | null } | undefined;
  try {
    return await db.transaction().execute(async (trx) => {
      const answer = await work(trx);
      ready = { answer, id: await transactionId(trx) };
      return answer;
    });
  } catch (error) {
    if (!ready?.id || !isUnavailable(error) || !(await isCommitted(db, ready.id))) throw error;
    return ready.answer;
  }
}

async function transactionId(trx: Db): Promise<string | null> {
  const { rows } = await sql<{ id: string | null }>`select pg_current_xact_id_if_assigned()::text as id`.execute(trx);
  return rows[0]!.id;
}

async function isCommitted(db: Db, id: string): Promise<boolean> {
  const giveUpAt = performance.now() + ASK_FOR_MS;
  do {
    const status = await statusOf(db, id);
    if (status === 'committed' || status === 'aborted') return status === 'committed';
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  } while (performance.now() < giveUpAt);
  throw new UncertainError();
}

/** Undefined while Postgres is away. */
async function statusOf(db: Db, id: string): Promise<string | null | undefined> {
  try {
    const { rows } = await sql<{ status: string | null }>`select pg_xact_status(${id}::xid8) as status`.execute(db);
    return rows[0]?.status;
  } catch (error) {
    if (isUnavailable(error)) return undefined;
    throw error;
  }
}
