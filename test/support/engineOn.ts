import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Client } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { channels } from '../../activities/channels/index.ts';
import { createIngest, type RunningIngest } from '../../api/ingest.ts';
import type { DeliverySettings } from '../../model/deliverySettings.ts';
import type { JsonObject, NotificationRule } from '../../model/types.ts';
import { findOrCreateAgent } from '../../store/agents.ts';
import { type Db, migrate, openDatabase } from '../../store/database.ts';
import { createIntegration } from '../../store/integrations.ts';
import { createNotification } from '../../store/notifications.ts';
import { createOrganisation } from '../../store/organisations.ts';
import { SecretBox } from '../../store/secrets.ts';
import { openTemporalClient } from '../../temporal/connect.ts';
import { createWorkflows, type Workflows } from '../../temporal/workflows.ts';
import { installRuntime } from '../../worker/runtime.ts';
import { type RunningWorker, startWorker, type WorkerSettings, type WorkerTimings } from '../../worker/worker.ts';

const SECRET_KEY = 'a secret key that is used in tests alone';
const RETENTION_MS = 24 * 3_600_000;

/** Short enough for tests, in the proportions of the defaults. */
export const shortTimings = {
  send: { patienceMs: 1000, leaseMs: 4000, leaseMarginMs: 1000, attemptLeaseMs: 2000, listenMs: 300, retrySchedule: [0, 200, 300] },
  relay: { pauseMs: 200, overlookedMs: 1000, againMs: 1000 },
  sweeper: { pauseMs: 200, graceMs: 300, againMs: 5000 },
  session: { agentWaitMs: 800, lingerMs: 500 },
} satisfies WorkerTimings;

/** Agents, integrations and notifications of one organisation, without the API in between. */
export interface EngineSetUp {
  organisationId: string;
  agent(name: string): Promise<{ id: string; name: string }>;
  /** An integration of a channel; answers its id. */
  integration(type: string, config: JsonObject, options?: { name?: string; delivery?: DeliverySettings }): Promise<string>;
  /** A webhook integration; answers its id. */
  webhook(url: string, options?: { timeoutMs?: number; name?: string; delivery?: DeliverySettings }): Promise<string>;
  /** Binds an integration to an agent, for all events unless `rule` says otherwise; answers the notification's id. */
  notify(agentId: string, integrationId: string, rule?: Partial<Pick<NotificationRule, 'subscription' | 'metadataFilter' | 'enabled' | 'channel'>>): Promise<string>;
}

/** The whole engine in one process, in a Temporal namespace of its own: ingest and worker. */
export interface Engine extends EngineSetUp {
  db: Db;
  client: Client;
  workflows: Workflows;
  ingest: RunningIngest;
  settings: WorkerSettings;
  /** What was logged as a warning or worse. */
  logged: { level: number; msg: string; err?: { message: string } }[];
  /** Ends the worker and waits for it. */
  stopWorker(): Promise<void>;
  startWorker(): Promise<void>;
  close(): Promise<void>;
}

/** What an engine runs on. */
export interface EngineParts {
  databaseUrl: string;
  temporalAddress: string;
  /** File with the workflow code. */
  workflowBundle?: string;
}

export interface EngineOptions {
  timings?: WorkerTimings;
  /** False: the test starts one itself, or none. */
  worker?: boolean;
  /** Answers with the Workflows that ingest is to use. */
  ingestWith?: (workflows: Workflows) => Workflows;
}

export async function startEngineOn(parts: EngineParts, options: EngineOptions = {}): Promise<Engine> {
  const timings = { ...shortTimings, ...options.timings };
  const { databaseUrl, temporalAddress: address, workflowBundle } = parts;
  const db = openDatabase(databaseUrl);
  await migrate(db);
  const namespace = `engine-${randomUUID()}`;
  const client = openTemporalClient({ address, namespace });
  await client.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs(RETENTION_MS) });
  const logged: Engine['logged'] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(JSON.parse(line) as Engine['logged'][number]) });
  const settings: WorkerSettings = {
    databaseUrl,
    databaseMaxConnections: 10,
    temporal: { address, namespace },
    secretKey: SECRET_KEY,
    previousSecretKeys: [],
    publicUrl: 'http://herald.test',
    allowedDestinations: ['127.0.0.1'],
    shutdownGraceMs: 2000,
    timings,
    ...(workflowBundle === undefined ? {} : { workflowBundle }),
  };
  const workflows = createWorkflows(client, () => true, timings.session);
  const ingest = createIngest({ db, workflows: options.ingestWith?.(workflows) ?? workflows, log });
  installRuntimeOnce(log);
  let worker: RunningWorker | undefined;

  const engine: Engine = {
    ...(await setUp(db)),
    db,
    client,
    workflows,
    ingest,
    settings,
    logged,
    async startWorker() {
      worker = await startWorker(settings, log);
    },
    async stopWorker() {
      worker?.stop();
      await worker?.done;
      worker = undefined;
    },
    async close() {
      await ingest.close(1000);
      await engine.stopWorker();
      await client.connection.close();
      await db.destroy();
    },
  };
  if (options.worker !== false) await engine.startWorker();
  return engine;
}

async function setUp(db: Db): Promise<EngineSetUp> {
  const { id: organisationId } = await createOrganisation(db, { name: 'test' });
  const box = new SecretBox(SECRET_KEY);
  const integration: EngineSetUp['integration'] = async (type, given, { name = type, delivery = {} } = {}) => {
    const { config, secrets } = channels[type]!.split(given);
    const input = { name, type, config, secrets: box.seal(secrets), enabled: true, delivery };
    return (await createIntegration(db, organisationId, input)).id;
  };
  return {
    organisationId,
    agent: (name) => findOrCreateAgent(db, organisationId, name),
    integration,
    webhook: (url, { timeoutMs = 5000, name = 'webhook', delivery } = {}) => integration('webhook', { url }, { name, delivery: { timeout_s: timeoutMs / 1000, ...delivery } }),
    async notify(agentId, integrationId, rule = {}) {
      const input = { agentId, integrationId, subscription: { mode: 'all' as const }, metadataFilter: {}, channel: null, enabled: true, ...rule };
      const saved = await createNotification(db, organisationId, input, () => {});
      if (saved.outcome !== 'saved') throw new Error(saved.outcome);
      return saved.notification.id;
    },
  };
}

let installed = false;

/** The Temporal SDK's runtime belongs to the process. */
function installRuntimeOnce(log: pino.Logger): void {
  if (!installed) installRuntime(log);
  installed = true;
}
