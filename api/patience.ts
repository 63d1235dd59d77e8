import { setTimeout as sleep } from 'node:timers/promises';
import { isUnavailable } from '../store/unavailable.ts';

/** As long as events wait for Postgres (api/ingest.ts): the SDK gives up a batch at the first status that is not 200. */
const PATIENCE_MS = 15_000;
const RETRY_MS = 250;

/** Asks Postgres again while it is away. `work` must be idempotent. Throws its last error when the patience ends. */
export async function patiently<T>(work: () => Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error) || performance.now() + RETRY_MS > giveUpAt) throw error;
      await sleep(RETRY_MS);
    }
  }
}
