import type { StartSettings, TemporalSettings } from '../../config/settings.ts';
import { startPostgres } from '../../embedded/postgres.ts';
import { showProgress } from '../../embedded/progress.ts';
import type { Log } from '../../embedded/startError.ts';
import { startTemporal } from '../../embedded/temporal.ts';
import { keepRunning } from './keepRunning.ts';
import { checkDatabase, checkTemporal } from './reach.ts';

export interface Infrastructure {
  databaseUrl: string;
  temporal: TemporalSettings;
  temporalUiUrl?: string;
  /** Ends what was started here: Temporal before Postgres. */
  stop: () => Promise<void>;
}

/**
 * Postgres and Temporal: the configured ones when they answer, else Herald's own.
 * @throws {StartError} with what to do.
 */
export async function startInfrastructure(settings: StartSettings, log: Log, ending: AbortSignal): Promise<Infrastructure> {
  const [postgres, temporal] = await Promise.allSettled([preparePostgres(settings, log, ending), prepareTemporal(settings, log, ending)]);
  if (postgres.status === 'fulfilled' && temporal.status === 'fulfilled') {
    return {
      databaseUrl: postgres.value.url,
      temporal: { ...settings.temporal, address: temporal.value.address },
      temporalUiUrl: settings.temporalUiUrl ?? temporal.value.uiUrl,
      stop: async () => {
        await temporal.value.stop();
        await postgres.value.stop();
      },
    };
  }
  for (const started of [temporal, postgres]) if (started.status === 'fulfilled') await started.value.stop();
  throw [postgres, temporal].find((result) => result.status === 'rejected')?.reason;
}

async function preparePostgres({ databaseUrl, dataDir }: StartSettings, log: Log, ending: AbortSignal): Promise<{ url: string; stop: () => Promise<void> }> {
  if (databaseUrl !== undefined) {
    await checkDatabase(databaseUrl);
    return { url: databaseUrl, stop: nothing };
  }
  const { first, stop } = await keepRunning('Postgres', () => startPostgres({ dataDir, log }), log, ending);
  return { url: first.url, stop };
}

async function prepareTemporal({ temporal, dataDir }: StartSettings, log: Log, ending: AbortSignal): Promise<{ address: string; uiUrl?: string; stop: () => Promise<void> }> {
  const { address, namespace } = temporal;
  if (address !== undefined) {
    await checkTemporal({ ...temporal, address });
    return { address, stop: nothing };
  }
  const { progress, done } = showProgress(process.stdout);
  try {
    const { first, stop } = await keepRunning('The Temporal server', () => startTemporal({ dataDir, namespace, log, progress }), log, ending);
    return { address: first.address, uiUrl: first.uiUrl, stop };
  } finally {
    done();
  }
}

async function nothing(): Promise<void> {}
