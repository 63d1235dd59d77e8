import { pino } from 'pino';
import { createApp } from '../../api/app.ts';
import type { DeliveryToStart } from '../../api/dependencies.ts';
import { createIngest } from '../../api/ingest.ts';
import { startServer } from '../../api/server.ts';
import type { JsonObject } from '../../model/types.ts';
import { type ApiKeyScope, createApiKey } from '../../store/apiKeys.ts';
import { type Db, migrate, openDatabase } from '../../store/database.ts';
import { createOrganisation } from '../../store/organisations.ts';
import { SecretBox } from '../../store/secrets.ts';

export const SECRET_KEY = 'a secret key that is used in tests alone';

/** An answer of the API, with its body parsed. */
export interface Answer<T = JsonObject> {
  status: number;
  headers: Headers;
  body: T;
}

/** Calls the API over HTTP with one API key. */
export interface Caller {
  organisationId: string;
  key: string;
  get<T = JsonObject>(path: string): Promise<Answer<T>>;
  post<T = JsonObject>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  patch<T = JsonObject>(path: string, body: unknown): Promise<Answer<T>>;
  delete<T = JsonObject>(path: string): Promise<Answer<T>>;
}

/** The HTTP API of a database, without a Temporal server: what is accepted is stored and waits. */
export interface ApiServer {
  url: string;
  db: Db;
  secrets: SecretBox;
  /** Deliveries that the API asked to be started. Let `fail` be true to see what happens without Temporal. */
  started: { deliveries: DeliveryToStart[]; fail: boolean };
  /** A new organisation, through its first key. */
  organisation(): Promise<Caller>;
  /** Another key of an organisation. */
  withScopes(caller: Caller, scopes: ApiKeyScope[], defaultAgentId?: string): Promise<Caller>;
  withKey(organisationId: string, key: string): Caller;
  close(): Promise<void>;
}

export async function startApiServer(databaseUrl: string): Promise<ApiServer> {
  const db = openDatabase(databaseUrl, { maxConnections: 5, applicationName: 'herald-test' });
  await migrate(db);
  const log = pino({ level: 'silent' });
  const started: ApiServer['started'] = { deliveries: [], fail: false };
  const secrets = new SecretBox(SECRET_KEY);
  const workflows = { signalSession: () => Promise.resolve(), startDelivery: () => Promise.resolve() };
  const ingest = createIngest({ db, workflows, log });
  const app = createApp({
    db,
    ingest,
    secrets,
    log,
    settings: {
      publicUrl: 'http://herald.test',
      temporalUiUrl: 'http://temporal.test',
      temporal: { namespace: 'default' },
      secretKey: SECRET_KEY,
      previousSecretKeys: [],
      allowedDestinations: ['127.0.0.1'],
      limits: { requestBytes: 1024 * 1024, eventBytes: 64 * 1024, eventsPerRequest: 100 },
      tokenPrices: {},
    },
    temporal: () => undefined,
    startDelivery: (delivery) => {
      if (started.fail) return Promise.reject(new Error('Temporal is away'));
      started.deliveries.push(delivery);
      return Promise.resolve();
    },
  });
  const server = await startServer(app, 0);
  const url = `http://127.0.0.1:${server.port}`;
  const withKey = (organisationId: string, key: string): Caller => callerOf(url, organisationId, key);

  return {
    url,
    db,
    secrets,
    started,
    withKey,
    async organisation() {
      const { id } = await createOrganisation(db, { name: 'test' });
      const { key } = await createApiKey(db, { organisationId: id, name: 'first', scopes: ['ingest', 'admin'] });
      return withKey(id, key);
    },
    async withScopes({ organisationId }, scopes, defaultAgentId) {
      const { key } = await createApiKey(db, { organisationId, name: scopes.join(), scopes, defaultAgentId });
      return withKey(organisationId, key);
    },
    async close() {
      await server.close(1000);
      await ingest.close(1000);
      await db.destroy();
    },
  };
}

function callerOf(url: string, organisationId: string, key: string): Caller {
  async function call<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> {
    const response = await fetch(url + path, {
      method,
      headers: { Authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as T };
  }
  return {
    organisationId,
    key,
    get: (path) => call('GET', path),
    post: (path, body, headers) => call('POST', path, body, headers),
    patch: (path, body) => call('PATCH', path, body),
    delete: (path) => call('DELETE', path),
  };
}
