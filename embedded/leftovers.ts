import { realpathSync } from 'node:fs';
import path from 'node:path';
import { endLeftoverPostgres } from './postgresLeftover.ts';
import type { Log } from './startError.ts';
import { endLeftoverTemporal } from './temporalLeftover.ts';

/** Ends whatever a killed process left running on this data folder. */
export async function endLeftovers(dataDir: string, log: Log): Promise<void> {
  const folder = realpathSync(dataDir);
  await endLeftoverTemporal(folder, log);
  await endLeftoverPostgres(path.join(folder, 'postgres'), log);
}
