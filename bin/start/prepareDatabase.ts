import { setTimeout as sleep } from 'node:timers/promises';
import { migrate, openDatabase } from '../../store/database.ts';
import { ensureFirstOrganisation } from '../../store/organisations.ts';
import { isUnavailable } from '../../store/unavailable.ts';

/** Postgres may be killed while it is being prepared: it is started again meanwhile. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 500;

/** Brings the database up to date, with a first organisation that has this key. */
export async function prepareDatabase(url: string, apiKey: string): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  const db = openDatabase(url, { maxConnections: 2, applicationName: 'herald-start' });
  try {
    for (;;) {
      try {
        await migrate(db);
        await ensureFirstOrganisation(db, { key: apiKey });
        return;
      } catch (error) {
        if (!isUnavailable(error) || Date.now() > giveUpAt) throw error;
        await sleep(RETRY_MS);
      }
    }
  } finally {
    await db.destroy();
  }
}
