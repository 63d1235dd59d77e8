import type { HttpBindings } from '@hono/node-server';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { OutgoingHttp } from '../activities/channels/http.ts';
import type { ApiKey } from '../store/apiKeys.ts';
import type { Db } from '../store/database.ts';
import type { SecretBox } from '../store/secrets.ts';
import type { ReplayWorkflows } from '../temporal/replays.ts';
import type { Keyring } from './auth.ts';
import type { Commands } from './commands.ts';
import type { Ingest } from './ingest.ts';
import type { SessionWatch } from './listen/sessionWatch.ts';

/** The settings the API needs; config/settings.ts reads them. */
export interface ApiSettings {
  /** Where callers reach this installation, without a slash at the end. */
  publicUrl: string;
  temporalUiUrl?: string;
  temporal: { namespace: string };
  /** Session tokens are signed with a key derived from it. */
  secretKey: string;
  /** Their tokens are still accepted. */
  previousSecretKeys: string[];
  allowedDestinations: string[];
  limits: { requestBytes: number; eventBytes: number; eventsPerRequest: number };
  /** By model name, in US dollars per million tokens; they win over the built-in table. */
  tokenPrices: Record<string, { prompt: number; completion: number }>;
  /** So long after its last event an ended session counts as closed. Milliseconds, default 60,000. */
  sessionLingerMs?: number;
  slack?: SlackAppSettings;
}

/** The Slack app of this installation; without its id and secret it cannot be installed with a click. */
export interface SlackAppSettings {
  clientId?: string;
  clientSecret?: string;
  /** With which Slack signs clicks on buttons. */
  signingSecret?: string;
  /** Where Slack is, without a slash at the end. Default `https://slack.com`. */
  url?: string;
}

/** A delivery whose workflow is to run. */
export interface DeliveryToStart {
  organisationId: string;
  deliveryId: string;
  integrationId: string;
  eventType: string;
}

export interface ApiDependencies {
  db: Db;
  ingest: Ingest;
  settings: ApiSettings;
  secrets: SecretBox;
  /** Commands to sessions: pause, resume, cancel, message, ask, decide. */
  commands: Commands;
  /** Tells those who wait for a session what became of it. */
  watch: SessionWatch;
  /** Undefined while the Temporal server cannot be reached. */
  temporal: () => Client | undefined;
  /** Sees to it that a stored delivery is sent. May fail while Temporal is away: the worker's sweeper finds the delivery. */
  startDelivery: (delivery: DeliveryToStart) => Promise<void>;
  /** Starts and wakes the workflows of stored replays. May fail while Temporal is away: the worker starts them later. */
  replays: ReplayWorkflows;
  /** For requests to where integrations lead: checked addresses, bounded time. */
  http: OutgoingHttp;
  log: Logger;
}

/** What every route finds in its context. */
export interface ApiEnv {
  Bindings: Partial<HttpBindings>;
  Variables: {
    keyring: Keyring;
    requestId?: string;
    /** Set by `requireApiKey`. */
    apiKey: ApiKey;
    organisationId: string;
  };
}
