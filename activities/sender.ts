import { nextRetryDelayMs } from '../model/retry.ts';
import type { AttemptResult } from '../model/types.ts';
import { disableIntegration, expireLease, releaseLeases } from '../store/outcomes.ts';
import type { Message } from './channels/channel.ts';
import { createDeliveryStarter } from './deliveryStarts.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Destination } from './destinations.ts';
import { createOutcomeRecorder } from './outcomes.ts';
import { createSlots } from './slots.ts';

/** First attempts under way to one destination from one worker process. */
const REQUESTS_PER_DESTINATION = 64;

/** A delivery to be attempted, under lease. */
export interface AttemptJob {
  id: string;
  integrationId: string;
  attemptsMade: number;
  /** 0 to 1: spreads the delay of the next attempt. */
  jitter: number;
}

/** The first attempt at a delivery, under lease. */
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

interface Attempted {
  result: AttemptResult;
  nextAttemptMs: number | null;
}

/** Sends the first attempts of a session's messages, in order for each destination. */
export interface Sender {
  /** Resolves when every job is settled or patience is over; what is still under way records its own outcome. */
  sendInOrder(sessionKey: number, jobs: SendJob[]): Promise<Map<string, JobStatus>>;
  /** Whether a first attempt at this delivery is under way, or waits for its turn. */
  isSending(deliveryId: string): boolean;
  /**
   * Makes one attempt and records what came of it. `nextAttemptMs` is null when there will be no further one.
   * @param answered Told when the destination has answered, before that is recorded.
   */
  attempt(job: AttemptJob, message: Message, destination: Destination, answered?: () => void): Promise<Attempted>;
  /** Resolves when no first attempt is under way. */
  idle(): Promise<void>;
}

export function createSender(deps: ActivityDependencies): Sender {
  const { db, log, owner, workflows, http, timings } = deps;
  const start = createDeliveryStarter(workflows, log);
  const outcomes = createOutcomeRecorder(db, log);
  const slots = createSlots(REQUESTS_PER_DESTINATION);
  /** The last job of each session and destination: the next one waits for it, but not for long. */
  const chains = new Map<string, Promise<void>>();
  const sending = new Map<string, Promise<void>>();

  async function attempt(job: AttemptJob, message: Message, destination: Destination, answered?: () => void): Promise<Attempted> {
    const startedAt = new Date();
    const result = await tryToSend(message, destination);
    answered?.();
    const nextAttemptMs = result.ok || result.kind !== 'retryable' ? null : nextAttempt(job, result.retryAfterMs);
    const status = result.ok ? 'delivered' : nextAttemptMs === null ? 'failed' : 'retrying';
    await outcomes.record({ deliveryId: job.id, owner, startedAt, result, status, nextAttemptMs });
    if (!result.ok && result.kind === 'gone') {
      await disableIntegration(db, job.integrationId, 'The endpoint answered 410 Gone.');
    }
    return { result, nextAttemptMs };
  }

  async function tryToSend(message: Message, { channel, config, secrets }: Destination): Promise<AttemptResult> {
    try {
      return await channel.send(channel.render(message, config), message, config, secrets, { http, now: () => new Date() });
    } catch (error) {
      // A message that cannot be made counts as an attempt, so that it ends with its schedule.
      log.error({ err: error, delivery: message.deliveryId }, 'a message could not be made');
      const reason = 'Herald could not make this message; its log says why.';
      return { ok: false, kind: 'retryable', error: reason, statusCode: null, response: null, durationMs: 0 };
    }
  }

  function nextAttempt(job: AttemptJob, retryAfterMs: number | undefined): number | null {
    const { retrySchedule: schedule } = timings;
    return nextRetryDelayMs(job.attemptsMade + 1, { schedule, random: job.jitter, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }

  async function send(job: SendJob, statuses: Map<string, JobStatus>, answered: () => void): Promise<void> {
    const { deliveryId, integrationId } = job;
    const destinationKey = `${integrationId}/${job.channel ?? ''}`;
    if (isTooLate(job)) return leaveOpen(job);
    if (!(await slots.acquire(destinationKey, timings.patienceMs))) return handOver(job);
    let retryMs: number | null = null;
    try {
      const prepared = await job.prepare();
      if (!prepared) return await handOver(job);
      if (isTooLate(job)) return await leaveOpen(job);
      const { message, destination } = prepared;
      const first = { id: deliveryId, integrationId, attemptsMade: 0, jitter: Math.random() };
      const { result, nextAttemptMs } = await attempt(first, message, destination, answered);
      statuses.set(deliveryId, result.ok ? 'delivered' : 'failed');
      retryMs = nextAttemptMs;
    } finally {
      slots.release(destinationKey);
    }
    if (retryMs !== null) await startDelivery(job, 1, retryMs);
  }

  /** Its turn came so late that it might still be under way when its lease ends. */
  function isTooLate(job: SendJob): boolean {
    return performance.now() - job.leasedAt > timings.leaseMs - timings.leaseMarginMs;
  }

  /** Leaves a message that was not tried to takeOver.ts, which may have it already when the lease has ended. */
  async function leaveOpen(job: SendJob): Promise<void> {
    if (performance.now() - job.leasedAt < timings.leaseMs) await expireLease(db, job.deliveryId, owner);
  }

  /** Leaves a message that was not tried to a workflow of its own. */
  async function handOver(job: SendJob): Promise<void> {
    await releaseLeases(db, [job.deliveryId], owner);
    await startDelivery(job, 0, 0);
  }

  function startDelivery({ organisationId, deliveryId, integrationId, eventType }: SendJob, attemptsMade: number, firstDelayMs: number): Promise<void> {
    return start({ organisationId, deliveryId, integrationId, eventType, attemptsMade, firstDelayMs });
  }

  return {
    attempt,

    async idle() {
      while (sending.size > 0) await Promise.all(sending.values());
    },

    isSending: (deliveryId) => sending.has(deliveryId),

    async sendInOrder(sessionKey, jobs) {
      const statuses = new Map<string, JobStatus>(jobs.map((job) => [job.deliveryId, 'sending']));
      const all: Promise<void>[] = [];
      for (const job of jobs) {
        const chainKey = `${sessionKey}/${job.integrationId}/${job.channel ?? ''}`;
        const before = chains.get(chainKey);
        const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
        const sent: Promise<void> = (async () => {
          await before;
          await send(job, statuses, answer);
        })()
          .catch((error: unknown) => {
            log.error({ err: error, delivery: job.deliveryId }, 'a first attempt broke off; the sweeper will take it up');
          })
          .finally(() => {
            answer();
            sending.delete(job.deliveryId);
          });
        sending.set(job.deliveryId, sent);
        all.push(sent);
        const link = Promise.resolve(before).then(() => Promise.race([answered, sleep(timings.patienceMs)]));
        chains.set(chainKey, link);
        void link.then(() => {
          if (chains.get(chainKey) === link) chains.delete(chainKey);
        });
      }
      await Promise.race([Promise.all(all), sleep(timings.patienceMs)]);
      return statuses;
    },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
