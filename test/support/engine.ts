import { type Engine, type EngineOptions, startEngineOn } from './engineOn.ts';
import { createTestDatabase, temporalAddress, workflowBundle } from './stack.ts';

export { type Engine, type EngineOptions, shortTimings } from './engineOn.ts';

/** An engine on a database of its own and the run's Temporal server, or another one. */
export async function startEngine(options: EngineOptions & { temporalAddress?: string } = {}): Promise<Engine> {
  const [database, address, bundle] = await Promise.all([
    createTestDatabase(),
    options.temporalAddress ?? temporalAddress(),
    workflowBundle(),
  ]);
  await database.close();
  return startEngineOn({ databaseUrl: database.url, temporalAddress: address, workflowBundle: bundle }, options);
}
