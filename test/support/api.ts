import { pino } from 'pino';
import { createOutgoingHttp } from '../../activities/channels/http.ts';
import { createApp } from '../../api/app.ts';
import { createCommands } from '../../api/commands.ts';
import type { ApiSettings } from '../../api/dependencies.ts';
import { createIngest } from '../../api/ingest.ts';
import { createSessionWatch } from '../../api/listen/sessionWatch.ts';
import type { ApiRouter } from '../../api/router.ts';
import { type RunningServer, startServer } from '../../api/server.ts';
import { type ApiKeyScope, createApiKey } from '../../store/apiKeys.ts';
import type { Db } from '../../store/database.ts';
import { createOrganisation } from '../../store/organisations.ts';
import { SecretBox } from '../../store/secrets.ts';
import { openTemporalClient } from '../../temporal/connect.ts';
import { createReplayWorkflows } from '../../temporal/replays.ts';
import { createWorkflows } from '../../temporal/workflows.ts';
import { createTestDatabase } from './stack.ts';

/** The real API on a port of its own, over a real database, while the Temporal server is away. */
export interface TestApi {
  url: string;
  /** What it answers: `POST /v1/agents/:id`. */
  routes: string[];
  server: RunningServer;
  db: Db;
  /** A key of the first organisation with both scopes. */
  key: string;
  organisationId: string;
  settings: ApiSettings;
  /** What was logged, as JSON lines. */
  logged: string[];
  close: () => Promise<void>;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

export async function startTestApi(changes: Partial<ApiSettings> = {}): Promise<TestApi> {
  const database = await createTestDatabase();
  const settings = { ...defaultSettings(), ...changes };
  const logged: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => logged.push(line) });
  const client = openTemporalClient({ address: '127.0.0.1:1', namespace: 'default' });
  const workflows = createWorkflows(client, () => false);
  const ingest = createIngest({ db: database.db, workflows, log });
  const secrets = new SecretBox(settings.secretKey);
  const watch = createSessionWatch({ db: database.db, log, databaseUrl: database.url });
  const http = createOutgoingHttp({ allowedDestinations: settings.allowedDestinations });
  const app = createApp({ db: database.db, ingest, settings, secrets, watch, commands: createCommands({ db: database.db, workflows }), temporal: () => client, replays: createReplayWorkflows(client, () => false), startDelivery: (delivery) => workflows.startDelivery({ ...delivery, attemptsMade: 0, firstDelayMs: 0 }), http, log });
  const server = await startServer(app, 0);
  const { organisationId, key } = await newOrganisation(database.db);
  return {
    url: `http://127.0.0.1:${server.port}`,
    routes: routesOf(app),
    server,
    db: database.db,
    key,
    organisationId,
    settings,
    logged,
    async close() {
      await watch.close();
      await server.close(1000);
      await http.close();
      await ingest.close(0);
      await database.close();
    },
  };
}

/** Every route that an app has, once. */
export function routesOf({ routes }: ApiRouter): string[] {
  const named = routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`);
  return [...new Set(named)];
}

/** Another organisation, with a key of its own. */
export async function newOrganisation(db: Db, scopes: ApiKeyScope[] = ['ingest', 'admin']): Promise<{ organisationId: string; key: string }> {
  const { id } = await createOrganisation(db, { name: 'test' });
  const { key } = await createApiKey(db, { organisationId: id, name: 'test', scopes });
  return { organisationId: id, key };
}

/** Sends JSON, or a text as it is. */
export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

export function withKey(key: string): Record<string, string> {
  return { 'X-Agentops-Api-Key': key };
}

export function withToken(jwt: string): Record<string, string> {
  return { Authorization: `Bearer ${jwt}` };
}

/** Creates a session and answers its token. */
export async function startSession(api: Pick<TestApi, 'url' | 'key'>, session: Record<string, unknown>): Promise<string> {
  const { status, body } = await post(`${api.url}/v2/create_session`, { session }, withKey(api.key));
  if (status !== 200) throw new Error(`create_session answered ${status}: ${JSON.stringify(body)}`);
  return (body as { jwt: string }).jwt;
}

export interface StoredEvent {
  id: string;
  type: string;
  payload: Record<string, unknown>;
  patch: Record<string, unknown> | null;
  agentRef: string | null;
  occurredAt: Date;
  silent: boolean;
}

/** The session's events in order, as they are stored. */
export async function storedEvents({ db, organisationId }: Pick<TestApi, 'db' | 'organisationId'>, sessionId: string): Promise<StoredEvent[]> {
  return db
    .selectFrom('events as e')
    .innerJoin('sessions as s', 's.key', 'e.session_key')
    .select(['e.event_id as id', 'e.type', 'e.payload', 'e.patch', 'e.agent_ref as agentRef', 'e.occurred_at as occurredAt', 'e.silent'])
    .where('s.organisation_id', '=', organisationId)
    .where('s.id', '=', sessionId)
    .orderBy('e.seq')
    .execute();
}

export async function storedSession({ db, organisationId }: Pick<TestApi, 'db' | 'organisationId'>, sessionId: string) {
  return db.selectFrom('sessions').selectAll().where('organisation_id', '=', organisationId).where('id', '=', sessionId).executeTakeFirstOrThrow();
}

function defaultSettings(): ApiSettings {
  return {
    publicUrl: 'http://herald.test',
    temporalUiUrl: 'http://temporal.test',
    temporal: { namespace: 'default' },
    secretKey: 'a secret key for tests, long enough',
    previousSecretKeys: [],
    allowedDestinations: ['127.0.0.1'],
    limits: { requestBytes: 16 * 1_048_576, eventBytes: 1_048_576, eventsPerRequest: 5000 },
    tokenPrices: {},
  };
}
