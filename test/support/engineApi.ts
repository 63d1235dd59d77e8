import { pino } from 'pino';
import { createOutgoingHttp } from '../../activities/channels/http.ts';
import { createApp } from '../../api/app.ts';
import type { SlackAppSettings } from '../../api/dependencies.ts';
import { createCommands } from '../../api/commands.ts';
import { createSessionWatch, type SessionWatch } from '../../api/listen/sessionWatch.ts';
import { startServer } from '../../api/server.ts';
import { SecretBox } from '../../store/secrets.ts';
import { createReplayWorkflows } from '../../temporal/replays.ts';
import { newOrganisation, routesOf } from './api.ts';
import { type Caller, callerOf } from './caller.ts';
import { type Engine, type EngineOptions, startEngine } from './engine.ts';

/** All of Herald: the HTTP API, and the engine that decides and sends. */
export interface EngineApi {
  engine: Engine;
  url: string;
  /** What it answers: `POST /v1/agents/:id`. */
  routes: string[];
  /** Who waits for sessions in this process. */
  watch: SessionWatch;
  /** A new organisation, through its first key. */
  newCaller(): Promise<Caller>;
  close(): Promise<void>;
}

export async function startEngineApi(options: EngineOptions & { slack?: SlackAppSettings } = {}): Promise<EngineApi> {
  const engine = await startEngine(options);
  const { db, ingest, client, workflows } = engine;
  const { secretKey, publicUrl, allowedDestinations, temporal, previousSecretKeys } = engine.settings;
  const log = pino({ level: 'silent' });
  const watch = createSessionWatch({ db, log, databaseUrl: engine.settings.databaseUrl });
  const http = createOutgoingHttp({ allowedDestinations });
  const app = createApp({
    db,
    ingest,
    settings: {
      publicUrl,
      temporalUiUrl: 'http://temporal.test',
      temporal,
      secretKey,
      previousSecretKeys,
      allowedDestinations,
      limits: { requestBytes: 1_048_576, eventBytes: 65_536, eventsPerRequest: 100 },
      tokenPrices: {},
      ...(options.slack ? { slack: options.slack } : {}),
      sessionLingerMs: engine.settings.timings?.session?.lingerMs,
    },
    secrets: new SecretBox(secretKey),
    watch,
    commands: createCommands({ db, workflows }),
    temporal: () => client,
    replays: createReplayWorkflows(client, () => true, options.timings?.session?.maxHistoryEvents),
    startDelivery: (delivery) => workflows.startDelivery({ ...delivery, attemptsMade: 0, firstDelayMs: 0 }),
    http,
    log,
  });
  const server = await startServer(app, 0);
  const url = `http://127.0.0.1:${server.port}`;
  return {
    engine,
    url,
    routes: routesOf(app),
    watch,
    async newCaller() {
      const { organisationId, key } = await newOrganisation(db);
      return callerOf(url, organisationId, key);
    },
    async close() {
      await watch.close();
      await server.close(1000);
      await http.close();
      await engine.close();
    },
  };
}
