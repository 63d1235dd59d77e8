import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import { announceWorker, retireWorker } from '../store/workers.ts';
import { every, type Recurring } from './every.ts';

const PAUSE_MS = 3000;
/** A worker that was silent for this long counts as dead: others take over what it was sending. */
const ALIVE_MS = 15_000;

/** Keeps a worker's leases respected while it lives; when it dies, they end within seconds instead of with their time. */
export async function startHeartbeat({ db, owner, log }: { db: Db; owner: string; log: Logger }): Promise<Recurring> {
  await announceWorker(db, owner, ALIVE_MS);
  const beating = every(PAUSE_MS, 'the heartbeat', log, () => announceWorker(db, owner, ALIVE_MS));
  return {
    async stop() {
      await beating.stop();
      await retireWorker(db, owner).catch((error: unknown) => log.warn({ err: error }, 'the leases of this worker end with their time'));
    },
  };
}
