import type { StartSettings, TemporalSettings } from '../../config/settings.ts';

/** The embedded Herald talks to receivers on the same machine; with a database of your own it is taken for production. */
const EMBEDDED_DESTINATIONS = '127.0.0.0/8,::1,localhost';

export interface ProcessSettings extends Pick<StartSettings, 'port' | 'dataDir' | 'publicUrl'> {
  databaseUrl: string;
  secretKey: string;
  temporal: TemporalSettings;
  temporalUiUrl?: string;
}

/** The environment of the API and the worker: what the person set, completed with what `npm start` brought. */
export function processEnvironment(given: NodeJS.ProcessEnv, settings: ProcessSettings): NodeJS.ProcessEnv {
  return {
    ...given,
    PORT: String(settings.port),
    HERALD_DATA_DIR: settings.dataDir,
    HERALD_PUBLIC_URL: settings.publicUrl,
    HERALD_SECRET_KEY: settings.secretKey,
    HERALD_ALLOWED_DESTINATIONS: given.HERALD_ALLOWED_DESTINATIONS ?? (given.DATABASE_URL ? '' : EMBEDDED_DESTINATIONS),
    DATABASE_URL: settings.databaseUrl,
    TEMPORAL_ADDRESS: settings.temporal.address,
    TEMPORAL_NAMESPACE: settings.temporal.namespace,
    TEMPORAL_UI_URL: settings.temporalUiUrl ?? '',
  };
}
