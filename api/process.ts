import type { Logger } from 'pino';
import { createOutgoingHttp } from '../activities/channels/http.ts';
import { migrate, openDatabase } from '../store/database.ts';
import { SecretBox } from '../store/secrets.ts';
import { openTemporalClient, type TemporalAddress } from '../temporal/connect.ts';
import { createReplayWorkflows } from '../temporal/replays.ts';
import { watchSearchAttributes } from '../temporal/searchAttributes.ts';
import { createWorkflows } from '../temporal/workflows.ts';
import type { SessionLimits } from '../workflows/messages.ts';
import { createApp } from './app.ts';
import { createCommands } from './commands.ts';
import type { ApiSettings } from './dependencies.ts';
import { createIngest } from './ingest.ts';
import { createSessionWatch } from './listen/sessionWatch.ts';
import { startServer } from './server.ts';

/** The settings of an API process; config/settings.ts reads them. */
export interface ApiProcessSettings extends ApiSettings {
  port: number;
  databaseUrl: string;
  databaseMaxConnections: number;
  temporal: TemporalAddress;
  shutdownGraceMs: number;
  /** For the runs of sessions that this process starts; absent: the defaults. */
  timings?: { session?: SessionLimits };
}

export interface RunningApi {
  port: number;
  /** Answers what is in flight and hands over what was stored, within the settings' grace time. */
  stop(): Promise<void>;
}

/** Starts everything an API process does. Postgres must answer; Temporal may come later. */
export async function startApi(settings: ApiProcessSettings, log: Logger): Promise<RunningApi> {
  const db = openDatabase(settings.databaseUrl, {
    maxConnections: settings.databaseMaxConnections,
    applicationName: 'herald-api',
    onIdleError: (error) => log.warn({ err: error }, 'a database connection broke'),
  });
  await migrate(db);
  const client = openTemporalClient(settings.temporal);
  const searchAttributes = watchSearchAttributes(client, log);
  const workflows = createWorkflows(client, searchAttributes.usable, settings.timings?.session);
  const ingest = createIngest({ db, workflows, log });
  const watch = createSessionWatch({ db, log, databaseUrl: settings.databaseUrl });
  const http = createOutgoingHttp({ allowedDestinations: settings.allowedDestinations });
  const app = createApp({
    db,
    ingest,
    settings: { ...settings, sessionLingerMs: settings.timings?.session?.lingerMs },
    secrets: new SecretBox(settings.secretKey, settings.previousSecretKeys),
    watch,
    commands: createCommands({ db, workflows }),
    temporal: () => client,
    replays: createReplayWorkflows(client, searchAttributes.usable),
    startDelivery: (delivery) => workflows.startDelivery({ ...delivery, attemptsMade: 0, firstDelayMs: 0, byHand: true }),
    http,
    log,
  });
  const server = await startServer(app, settings.port);

  return {
    port: server.port,
    async stop() {
      const begun = performance.now();
      searchAttributes.stop();
      // Who waits is answered at once, and asks another process.
      const nobodyWaits = watch.close();
      // Half of the time at most for the requests, and a little left at the end for the database.
      await server.close(settings.shutdownGraceMs / 2);
      await nobodyWaits;
      await ingest.close(Math.max(0, settings.shutdownGraceMs * 0.8 - (performance.now() - begun)));
      await http.close();
      // The Temporal connection ends with the process: closed while a call is being retried, it would throw from a timer.
      await db.destroy();
    },
  };
}
