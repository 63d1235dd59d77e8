import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Environment, environmentSchema } from './environment.ts';
import type { Timings } from './timings.ts';

export interface TemporalTls {
  serverNameOverride?: string;
  serverRootCACertificate?: Buffer;
  clientCertPair?: { crt: Buffer; key: Buffer };
}

export interface TemporalSettings {
  /** host:port of the server's gRPC frontend. */
  address: string;
  namespace: string;
  /** `true`: TLS with the system's certificates. Absent: none. */
  tls?: TemporalTls | true;
  /** For a hosted cluster. */
  apiKey?: string;
}

/** US dollars per million tokens. */
export interface TokenPrice {
  prompt: number;
  completion: number;
}

export interface Settings {
  port: number;
  /** Absolute path of the folder in which `npm start` keeps everything. */
  dataDir: string;
  /** A UUID to use as the first organisation's first key. */
  apiKey?: string;
  databaseUrl: string;
  /** Connections to Postgres at most, for each process. */
  databaseMaxConnections: number;
  temporal: TemporalSettings;
  /** Signs session JWTs and encrypts secrets. */
  secretKey: string;
  /** Still accepted for reading what they signed or encrypted. */
  previousSecretKeys: string[];
  /** Where people and agents reach this installation; no trailing slash. */
  publicUrl: string;
  temporalUiUrl?: string;
  /** Host names, addresses and CIDRs that messages may go to although they are not public. */
  allowedDestinations: string[];
  limits: { requestBytes: number; eventBytes: number; eventsPerRequest: number };
  /** Prices by model name; they win over the built-in table. */
  tokenPrices: Record<string, TokenPrice>;
  /** The Slack app that the installation's organisations install. */
  slack: { clientId?: string; clientSecret?: string; signingSecret?: string; url?: string };
  logLevel: Environment['HERALD_LOG_LEVEL'];
  /** How long a process may finish what it has begun after SIGTERM. */
  shutdownGraceMs: number;
  /** What a worker waits for; absent timings have their defaults. */
  timings: Timings;
  /** A file with the bundled workflow code; absent, a worker bundles it at start. */
  workflowBundle?: string;
  /** Which version of the workflow code a worker has, where the Temporal server is to keep versions apart. */
  deployment?: { name: string; buildId: string };
}

/** What `npm start` can be told; it brings what is absent. */
export type StartSettings = Omit<Settings, 'databaseUrl' | 'secretKey' | 'temporal'> & {
  databaseUrl?: string;
  secretKey?: string;
  temporal: Omit<TemporalSettings, 'address'> & { address?: string };
};

/** Thrown at start when the environment cannot be used: one sentence for each variable. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/**
 * Settings of a process that runs on its own (`npm run api`, `npm run worker`).
 * @throws {SettingsError} when a variable is missing or wrong.
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const settings = readStartSettings(env);
  const { databaseUrl, secretKey, temporal } = settings;
  const { address } = temporal;
  if (databaseUrl && secretKey && address) return { ...settings, databaseUrl, secretKey, temporal: { ...temporal, address } };
  const missing = Object.entries({ DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: address, HERALD_SECRET_KEY: secretKey })
    .filter(([, value]) => value === undefined)
    .map(([name]) => `${name} is not set: ${purposes[name]}.`);
  throw new SettingsError([...missing, '`npm start` needs none of them.'].join('\n'));
}

/**
 * Settings of `npm start`, which starts what is not configured.
 * @throws {SettingsError} when a variable is wrong.
 */
export function readStartSettings(env: NodeJS.ProcessEnv): StartSettings {
  const environment = parseEnvironment(env);
  return {
    port: environment.PORT,
    dataDir: path.resolve(environment.HERALD_DATA_DIR),
    apiKey: environment.HERALD_API_KEY?.toLowerCase(),
    databaseUrl: environment.DATABASE_URL,
    databaseMaxConnections: environment.DATABASE_MAX_CONNECTIONS,
    temporal: {
      address: environment.TEMPORAL_ADDRESS,
      namespace: environment.TEMPORAL_NAMESPACE,
      tls: readTls(environment),
      apiKey: environment.TEMPORAL_API_KEY,
    },
    secretKey: environment.HERALD_SECRET_KEY,
    previousSecretKeys: environment.HERALD_PREVIOUS_SECRET_KEYS,
    publicUrl: environment.HERALD_PUBLIC_URL ?? `http://localhost:${environment.PORT}`,
    temporalUiUrl: environment.TEMPORAL_UI_URL,
    allowedDestinations: environment.HERALD_ALLOWED_DESTINATIONS,
    limits: {
      requestBytes: environment.HERALD_MAX_REQUEST_BYTES,
      eventBytes: environment.HERALD_MAX_EVENT_BYTES,
      eventsPerRequest: environment.HERALD_MAX_EVENTS_PER_REQUEST,
    },
    tokenPrices: environment.HERALD_TOKEN_PRICES,
    slack: readSlack(environment),
    logLevel: environment.HERALD_LOG_LEVEL,
    shutdownGraceMs: environment.HERALD_SHUTDOWN_GRACE_MS,
    timings: environment.HERALD_TIMINGS,
    workflowBundle: environment.HERALD_WORKFLOW_BUNDLE,
    ...readDeployment(environment),
  };
}

const purposes: Record<string, string> = {
  DATABASE_URL: 'name the Postgres database, like postgres://user:password@host:5432/herald',
  TEMPORAL_ADDRESS: 'name the Temporal server, like localhost:7233',
  HERALD_SECRET_KEY: 'give every process the same secret of at least 32 characters (openssl rand -hex 32 makes one)',
};

/** An empty variable counts as absent, but an empty list of destinations means: none. */
function parseEnvironment(env: NodeJS.ProcessEnv): Environment {
  const given = Object.entries(env).filter(([name, value]) => value !== '' || name === 'HERALD_ALLOWED_DESTINATIONS');
  const result = environmentSchema.safeParse(Object.fromEntries(given));
  if (result.success) return result.data;
  throw new SettingsError(result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}.`).join('\n'));
}

function readSlack(environment: Environment): Settings['slack'] {
  const { HERALD_SLACK_CLIENT_ID: clientId, HERALD_SLACK_CLIENT_SECRET: clientSecret, HERALD_SLACK_URL: url } = environment;
  if (Boolean(clientId) !== Boolean(clientSecret)) {
    throw new SettingsError('HERALD_SLACK_CLIENT_ID and HERALD_SLACK_CLIENT_SECRET must be set together; both are under "Basic Information" of the Slack app.');
  }
  return { clientId, clientSecret, signingSecret: environment.HERALD_SLACK_SIGNING_SECRET, url };
}

function readTls(environment: Environment): TemporalTls | true | undefined {
  const serverRootCACertificate = readCertificate(environment, 'TEMPORAL_TLS_SERVER_CA_CERT_PATH');
  const crt = readCertificate(environment, 'TEMPORAL_TLS_CLIENT_CERT_PATH');
  const key = readCertificate(environment, 'TEMPORAL_TLS_CLIENT_KEY_PATH');
  if (Boolean(crt) !== Boolean(key)) {
    throw new SettingsError('TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH must be set together.');
  }
  if (environment.TEMPORAL_TLS === 'false') return undefined;
  const serverNameOverride = environment.TEMPORAL_TLS_SERVER_NAME;
  if (serverRootCACertificate || serverNameOverride || (crt && key)) {
    return { serverNameOverride, serverRootCACertificate, clientCertPair: crt && key ? { crt, key } : undefined };
  }
  return environment.TEMPORAL_TLS === 'true' || environment.TEMPORAL_API_KEY !== undefined ? true : undefined;
}

function readDeployment({ HERALD_WORKER_DEPLOYMENT: name, HERALD_BUILD_ID: buildId }: Environment): Pick<Settings, 'deployment'> {
  if (name === undefined && buildId === undefined) return {};
  if (name === undefined || buildId === undefined) throw new SettingsError('HERALD_WORKER_DEPLOYMENT and HERALD_BUILD_ID must be set together.');
  return { deployment: { name, buildId } };
}

function readCertificate(environment: Environment, name: `TEMPORAL_TLS_${string}_PATH` & keyof Environment): Buffer | undefined {
  const file = environment[name];
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new SettingsError(`${name}: cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
  }
}
