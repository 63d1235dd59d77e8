import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities, createListening, defaultSendTimings, type SendTimings } from '../activities/index.ts';
import { createOutgoingHttp } from '../activities/channels/http.ts';
import { DELIVERY_TASK_QUEUE, SESSION_TASK_QUEUE } from '../model/naming.ts';
import { migrate, openDatabase } from '../store/database.ts';
import { listenForNews } from '../store/newsChannel.ts';
import { createDecisionLinks } from '../store/decisionLinks.ts';
import { SecretBox } from '../store/secrets.ts';
import { openTemporalClient, type TemporalAddress } from '../temporal/connect.ts';
import { type WorkerDeployment, whyNoDeployments } from '../temporal/deployment.ts';
import { watchSearchAttributes } from '../temporal/searchAttributes.ts';
import { createSettlingWorkflows } from '../temporal/settling.ts';
import { createReplayWorkflows } from '../temporal/replays.ts';
import { createWorkflows } from '../temporal/workflows.ts';
import type { SessionLimits } from '../workflows/messages.ts';
import { bundleWorkflows } from './bundle.ts';
import { deploymentOptions, type MovingTimings, startMovingOn } from './deployment.ts';
import { every } from './every.ts';
import { startBacklogWatch } from './backlogWatch.ts';
import { startHeartbeat } from './heartbeat.ts';
import { startHousekeeping } from './housekeeping.ts';
import { type RelayTimings, startRelay } from './relay.ts';
import { type ReplayStarterTimings, startReplayStarter } from './replayStarter.ts';
import { startSettler } from './settler.ts';
import { startSweeper, type SweeperTimings } from './sweeper.ts';
import { startTimekeeper, type TimekeeperTimings } from './timekeeper.ts';

/** The settings a worker needs; config/settings.ts reads them. */
export interface WorkerSettings {
  databaseUrl: string;
  databaseMaxConnections: number;
  temporal: TemporalAddress;
  secretKey: string;
  previousSecretKeys: string[];
  publicUrl: string;
  allowedDestinations: string[];
  shutdownGraceMs: number;
  timings?: WorkerTimings;
  /** A file with the bundled workflow code (`npm run build`); absent, the code is bundled at start. */
  workflowBundle?: string;
  /** The version of its code, for a server that keeps runs with the version that began them; absent: no versions. */
  deployment?: WorkerDeployment;
}

/** What is absent has its default; tests shorten it. */
export interface WorkerTimings {
  send?: Partial<SendTimings>;
  relay?: Partial<RelayTimings>;
  sweeper?: Partial<SweeperTimings>;
  timekeeper?: Partial<TimekeeperTimings>;
  replays?: Partial<ReplayStarterTimings>;
  session?: SessionLimits;
  movingOn?: Partial<MovingTimings>;
}

/** Sessions kept in memory between their events; the others are replayed from their histories when news comes. */
const MAX_CACHED_WORKFLOWS = 1000;
/** When a worker dies, the workflows it had in memory wait this long for it before another one takes them. */
const STICKY_TIMEOUT_MS = 5000;
/** Of the grace time, for activities; what is then still under way is cancelled. */
const SHUTDOWN_SHARE = 0.7;
/** Of the grace time, until what is still being sent is left to another worker; the rest is for saying so. */
const SENDING_SHARE = 0.85;
const MAX_SESSION_ACTIVITIES = 100;
/** Sessions whose activity waits for their next events, beyond the activities that do something. */
const MAX_LISTENING = 500;
/** So late a worker may learn that a destination has asked another one for a pause. */
const PAUSES_READ_EVERY_MS = 1000;
/** Far more than the retries that one destination may have, so that dead destinations leave room. */
const MAX_DELIVERY_ACTIVITIES = 500;

export interface RunningWorker {
  /** Resolves when the worker has stopped; rejects when it broke. */
  done: Promise<void>;
  /** Finishes what is under way, within the settings' grace time. */
  stop(): void;
}

/** Starts everything a worker process does: session and delivery workflows, their activities, relay and sweeper. */
export async function startWorker(settings: WorkerSettings, log: Logger): Promise<RunningWorker> {
  const { timings = {} } = settings;
  const db = openDatabase(settings.databaseUrl, {
    maxConnections: settings.databaseMaxConnections,
    applicationName: 'herald-worker',
    onIdleError: (error) => log.warn({ err: error }, 'a database connection broke'),
  });
  await migrate(db);
  const client = openTemporalClient(settings.temporal);
  const searchAttributes = watchSearchAttributes(client, log);
  await searchAttributes.asked;
  const deployment = await usableDeployment(settings.deployment, client, log);
  const workflows = createWorkflows(client, searchAttributes.usable, timings.session);
  const http = createOutgoingHttp({ allowedDestinations: settings.allowedDestinations });
  const owner = `worker-${randomUUID()}`;
  const listening = createListening(MAX_LISTENING);
  const secrets = new SecretBox(settings.secretKey, settings.previousSecretKeys);
  const activities = createActivities({
    db,
    secrets,
    links: createDecisionLinks(settings.secretKey, settings.previousSecretKeys),
    http,
    workflows,
    publicUrl: settings.publicUrl,
    owner,
    timings: { ...defaultSendTimings, ...timings.send },
    listening,
    log,
  });

  const connection = await NativeConnection.connect({
    address: settings.temporal.address,
    ...(settings.temporal.tls ? { tls: settings.temporal.tls === true ? {} : settings.temporal.tls } : {}),
    ...(settings.temporal.apiKey ? { apiKey: settings.temporal.apiKey } : {}),
    // Within one machine or one network, compression costs both sides more than it saves.
    grpcCompression: { codec: settings.temporal.tls ? 'gzip' : 'none' },
  });
  const common = {
    connection,
    namespace: settings.temporal.namespace,
    workflowBundle: settings.workflowBundle === undefined ? await bundleWorkflows((level, text) => log[level](text)) : { codePath: settings.workflowBundle },
    // A little is left at the end for outcomes that are yet to be recorded.
    shutdownGraceTime: settings.shutdownGraceMs * SHUTDOWN_SHARE,
    stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT_MS,
  };
  const sessions = await Worker.create({
    ...common,
    ...(deployment ? deploymentOptions(deployment, 'PINNED') : {}),
    taskQueue: SESSION_TASK_QUEUE,
    activities: activities.session,
    maxCachedWorkflows: MAX_CACHED_WORKFLOWS,
    maxConcurrentActivityTaskExecutions: MAX_SESSION_ACTIVITIES + MAX_LISTENING,
  });
  const deliveries = await Worker.create({
    ...common,
    ...(deployment ? deploymentOptions(deployment, 'AUTO_UPGRADE') : {}),
    taskQueue: DELIVERY_TASK_QUEUE,
    activities: { ...activities.delivery, ...activities.replay, ...activities.settling },
    maxCachedWorkflows: MAX_CACHED_WORKFLOWS,
    maxConcurrentActivityTaskExecutions: MAX_DELIVERY_ACTIVITIES,
  });

  const stopListening = listenForNews(settings.databaseUrl, {
    onNews: (sessionKeys) => listening.hear(sessionKeys),
    onEvents: (sessionKey, events) => listening.hearEvents(sessionKey, events),
    onPressure: (isPressed) => activities.setPressed(isPressed),
    onChange: (hears) => listening.setHearing(hears),
    onError: (error) => log.warn({ err: error }, 'the connection for news broke; sessions are signalled until it is back'),
  });
  const heartbeat = await startHeartbeat({ db, owner, log });
  const recurring = [
    startRelay({ db, workflows, log }, timings.relay),
    startSweeper({ db, workflows, takeOver: (graceMs) => activities.takeOver(graceMs), log }, timings.sweeper),
    startTimekeeper({ db, log }, timings.timekeeper),
    startReplayStarter({ db, replays: createReplayWorkflows(client, searchAttributes.usable), log }, timings.replays),
    startSettler({ db, startSettling: createSettlingWorkflows(client), log }),
    every(PAUSES_READ_EVERY_MS, 'reading which destinations want a pause', log, () => activities.refreshPauses()),
    startHousekeeping({ db, secrets, log }),
    startBacklogWatch({ db, log }),
    ...(deployment ? [startMovingOn({ client, deployment, log }, timings.movingOn)] : []),
  ];
  let stoppedAt = -Infinity;
  const done = run([sessions, deliveries], async () => {
    searchAttributes.stop();
    await Promise.all(recurring.map((each) => each.stop()));
    const sendingLeftMs = stoppedAt + settings.shutdownGraceMs * SENDING_SHARE - performance.now();
    if (sendingLeftMs > 0) await Promise.race([activities.idle(), sleep(sendingLeftMs, undefined, { ref: false })]);
    await stopListening();
    await heartbeat.stop();
    await http.close();
    await connection.close();
    await client.connection.close();
    await db.destroy();
  });
  return {
    done,
    stop: () => {
      stoppedAt = performance.now();
      listening.setHearing(false);
      for (const worker of [sessions, deliveries]) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
  };
}

async function usableDeployment(deployment: WorkerDeployment | undefined, client: Client, log: Logger): Promise<WorkerDeployment | undefined> {
  const reason = deployment && (await whyNoDeployments(client));
  if (reason) log.warn({ reason }, 'Herald runs without versions of its workers');
  return reason ? undefined : deployment;
}

/** Runs the workers until all have stopped; when one breaks, the others stop too. */
async function run(workers: Worker[], cleanUp: () => Promise<void>): Promise<void> {
  try {
    await Promise.all(
      workers.map(async (worker) => {
        try {
          await worker.run();
        } finally {
          for (const other of workers) if (other.getState() === 'RUNNING') other.shutdown();
        }
      }),
    );
  } finally {
    await cleanUp();
  }
}
