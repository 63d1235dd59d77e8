import { nextRetryDelayMs } from '../model/retry.ts';
import type { AttemptResult } from '../model/types.ts';
import { disableIntegration, releaseLeases } from '../store/record.ts';
import type { Message } from './channels/channel.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Destination } from './destinations.ts';
import { createOutcomeRecorder } from './outcomes.ts';
import { createSlots } from './slots.ts';

/** A first attempt holds up the messages behind it no longer than this. */
const PATIENCE_MS = 1000;
/** Requests under way to one destination from one worker process. */
const REQUESTS_PER_DESTINATION = 64;
/** How long the sender of a new delivery has it to itself. */
export const LEASE_MS = 90_000;
/** A send that cannot begin this long before the lease ends does not begin: it may take 30 s. */
const LEASE_MARGIN_MS = 35_000;

/** A message under lease. */
export interface SendJob {
  organisationId: string;
  deliveryId: string;
  integrationId: string;
  eventType: string;
  channel: string | null;
  /** `performance.now()` when the lease was asked for. */
  leasedAt: number;
  /** Loads what is sent; undefined when the destination is gone. */
  prepare(): Promise<{ message: Message; destination: Destination } | undefined>;
}

export type JobStatus = 'sending' | 'delivered' | 'failed';

/** Sends the first attempts of a session's messages, in order for each destination. */
export interface Sender {
  /**
   * Resolves when every job is settled or patience is over; what is still under way records its own outcome.
   * @param settled Told of every job that is no longer under way here.
   */
  sendInOrder(sessionKey: number, jobs: SendJob[], settled: (deliveryId: string) => void): Promise<Map<string, JobStatus>>;
  /** Makes one attempt and records what came of it. */
  attempt(
    delivery: { id: string; integrationId: string; attemptsMade: number; jitter: number },
    message: Message,
    destination: Destination,
  ): Promise<{ result: AttemptResult; nextAttemptMs: number | null }>;
}

export function createSender(deps: ActivityDependencies): Sender {
  const { db, log, owner, workflows, http } = deps;
  const outcomes = createOutcomeRecorder(db, log);
  const slots = createSlots(REQUESTS_PER_DESTINATION);
  /** The last job of each session and destination: the next one waits for it, but not for long. */
  const chains = new Map<string, Promise<void>>();

  async function attempt(
    delivery: { id: string; integrationId: string; attemptsMade: number; jitter: number },
    message: Message,
    destination: Destination,
  ): Promise<{ result: AttemptResult; nextAttemptMs: number | null }> {
    const { channel, config, secrets } = destination;
    const startedAt = new Date();
    const rendered = channel.render(message, config);
    const result = await channel.send(rendered, message, config, secrets, { http, now: () => new Date() });
    const nextAttemptMs =
      result.ok || result.kind !== 'retryable'
        ? null
        : nextRetryDelayMs(delivery.attemptsMade + 1, {
            random: delivery.jitter,
            ...(result.retryAfterMs === undefined ? {} : { retryAfterMs: result.retryAfterMs }),
          });
    const status = result.ok ? 'delivered' : nextAttemptMs === null ? 'failed' : 'retrying';
    await outcomes.record({ deliveryId: delivery.id, owner, startedAt, result, status, nextAttemptMs });
    if (!result.ok && result.kind === 'gone') {
      await disableIntegration(db, delivery.integrationId, 'The endpoint answered 410 Gone.');
    }
    return { result, nextAttemptMs };
  }

  async function send(job: SendJob, statuses: Map<string, JobStatus>): Promise<void> {
    const destinationKey = `${job.integrationId}/${job.channel ?? ''}`;
    const patience = performance.now() - job.leasedAt > LEASE_MS - LEASE_MARGIN_MS ? 0 : PATIENCE_MS;
    if (patience === 0 || !(await slots.acquire(destinationKey, patience))) return handOver(job);
    try {
      const prepared = await job.prepare();
      if (!prepared) return await handOver(job);
      if (performance.now() - job.leasedAt > LEASE_MS - LEASE_MARGIN_MS) return await handOver(job);
      const { result, nextAttemptMs } = await attempt(
        { id: job.deliveryId, integrationId: job.integrationId, attemptsMade: 0, jitter: Math.random() },
        prepared.message,
        prepared.destination,
      );
      statuses.set(job.deliveryId, result.ok ? 'delivered' : 'failed');
      if (nextAttemptMs !== null) await startDelivery(job, 1, nextAttemptMs);
    } finally {
      slots.release(destinationKey);
    }
  }

  /** Leaves a message that was not tried to a workflow of its own. */
  async function handOver(job: SendJob): Promise<void> {
    await releaseLeases(db, [job.deliveryId], owner);
    await startDelivery(job, 0, 0);
  }

  async function startDelivery(job: SendJob, attemptsMade: number, firstDelayMs: number): Promise<void> {
    try {
      const { organisationId, deliveryId, integrationId, eventType } = job;
      await workflows.startDelivery({ organisationId, deliveryId, integrationId, eventType, attemptsMade, firstDelayMs });
    } catch (error) {
      log.warn({ err: error, delivery: job.deliveryId }, 'the workflow of a delivery could not be started; the sweeper will');
    }
  }

  return {
    attempt,

    async sendInOrder(sessionKey, jobs, settled) {
      const statuses = new Map<string, JobStatus>(jobs.map((job) => [job.deliveryId, 'sending']));
      const all: Promise<void>[] = [];
      for (const job of jobs) {
        const chainKey = `${sessionKey}/${job.integrationId}/${job.channel ?? ''}`;
        const before = chains.get(chainKey);
        const sent = (async () => {
          await before;
          await send(job, statuses);
        })()
          .catch((error: unknown) => {
            log.error({ err: error, delivery: job.deliveryId }, 'a first attempt broke off; the sweeper will take it up');
          })
          .finally(() => settled(job.deliveryId));
        all.push(sent);
        const link = Promise.resolve(before).then(() => Promise.race([sent, sleep(PATIENCE_MS)]));
        chains.set(chainKey, link);
        void link.then(() => {
          if (chains.get(chainKey) === link) chains.delete(chainKey);
        });
      }
      await Promise.race([Promise.all(all), sleep(PATIENCE_MS)]);
      return statuses;
    },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
