import { expireLease, releaseLeases } from '../store/outcomes.ts';
import { closeDelivery } from '../store/messages.ts';
import type { Attempts } from './attempts.ts';
import type { Message } from './channels/channel.ts';
import { createDeliveryStarter } from './deliveryStarts.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Destination } from './destinations.ts';
import { DISABLED, type Passage, passages } from './gate.ts';
import type { Pauses } from './pauses.ts';
import { createSlots } from './slots.ts';
import type { Turns } from './turns.ts';
import { createUnderWay } from './underWay.ts';

/** First attempts under way to one destination from one worker process. */
const REQUESTS_PER_DESTINATION = 64;

/** While a session has something else to do, what has not answered for this long is left to itself. Milliseconds. */
const BRIEF_PATIENCE_MS = 20;

/** The first attempt at a delivery, under lease. */
export interface SendJob {
  organisationId: string;
  deliveryId: string;
  integrationId: string;
  eventType: string;
  channel: string | null;
  /** `performance.now()` when the lease was asked for. */
  leasedAt: number;
  /** Where it goes; undefined when that is gone. */
  destination(): Promise<Destination | undefined>;
  /** Loads what is sent; undefined when that, or the destination, is gone. */
  prepare(): Promise<{ message: Message; destination: Destination } | undefined>;
}

export type JobStatus = 'sending' | 'delivered' | 'failed';

/** Sends the first attempts of a session's messages, in order for each destination. */
export interface Sender {
  /**
   * Resolves when every job is settled or patience is over; what is still under way records its own outcome. Nobody
   * waits for a destination that has just let others wait.
   * @param news Resolves when the session has something else to do: from then on nobody waits for what is slow to be
   * answered.
   */
  sendInOrder(sessionKey: number, jobs: SendJob[], news?: Promise<unknown>): Promise<Map<string, JobStatus>>;
  /** Whether a first attempt at this delivery is under way, or waits for its turn. */
  isSending(deliveryId: string): boolean;
  /** Resolves when no first attempt is under way. */
  idle(): Promise<void>;
}

export function createSender(deps: ActivityDependencies, attempts: Attempts, turns: Turns, pauses: Pauses): Sender {
  const { db, log, owner, workflows, timings } = deps;
  const start = createDeliveryStarter(workflows, log);
  const slots = createSlots(REQUESTS_PER_DESTINATION);
  const underWay = createUnderWay();
  /** The last job of each session and destination: the next one waits for it, but not for long. */
  const chains = new Map<string, Promise<void>>();
  const sending = new Map<string, Promise<void>>();

  /** When each of these may go, undefined for at once; those whose turn is far get it as a timer, not a slot. */
  async function open(jobs: SendJob[]): Promise<Passage[] | undefined> {
    const [first] = jobs as [SendJob];
    const { integrationId, channel } = first;
    const destination = await first.destination();
    if (!destination) return undefined;
    const pausedMs = pauses.remainingMs(integrationId);
    if (!destination.rateLimit && pausedMs === 0) return undefined;
    const arrivals = { integrationId, channel, count: jobs.length, pausedMs, jitter: Math.random(), putOffs: 0 };
    const all = await passages(turns, destination, arrivals);
    const late = jobs.map((job, index) => ({ id: job.deliveryId, ...all![index]! })).filter(isLate);
    if (late.length > 0) await releaseLeases(db, late, owner);
    return all;
  }

  function isLate({ afterMs }: Passage): boolean {
    return afterMs > timings.patienceMs;
  }

  async function send(job: SendJob, statuses: Map<string, JobStatus>, answered: () => void): Promise<void> {
    const { deliveryId, integrationId } = job;
    const destinationKey = destinationOf(job);
    if (isTooLate(job)) return leaveOpen(job);
    if (!(await slots.acquire(destinationKey, timings.patienceMs))) return handOver(job);
    let retryMs: number | null = null;
    underWay.begin(destinationKey, deliveryId);
    try {
      const prepared = await job.prepare();
      if (!prepared) return await handOver(job);
      if (!prepared.destination.enabled) {
        await closeDelivery(db, deliveryId, 'failed', DISABLED);
        statuses.set(deliveryId, 'failed');
        return;
      }
      const pausedMs = pauses.remainingMs(integrationId);
      if (pausedMs > timings.patienceMs) return await handOver(job, pausedMs);
      if (pausedMs > 0) await sleep(pausedMs);
      if (isTooLate(job)) return await leaveOpen(job);
      const { message, destination } = prepared;
      const first = { id: deliveryId, integrationId, attemptsMade: 0, jitter: Math.random() };
      const { result, nextAttemptMs } = await attempts.attempt(first, message, destination, answered);
      statuses.set(deliveryId, result.ok ? 'delivered' : 'failed');
      retryMs = nextAttemptMs;
    } finally {
      underWay.end(destinationKey, deliveryId);
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
  async function handOver(job: SendJob, afterMs = 0): Promise<void> {
    await releaseLeases(db, [{ id: job.deliveryId, afterMs, hasTurn: false }], owner);
    await startDelivery(job, 0, afterMs);
  }

  function startDelivery({ organisationId, deliveryId, integrationId, eventType }: SendJob, attemptsMade: number, firstDelayMs: number): Promise<void> {
    return start({ organisationId, deliveryId, integrationId, eventType, attemptsMade, firstDelayMs });
  }

  /** Sends one job after the one before it, when its destination is ready for it. */
  async function take(job: SendJob, passage: Promise<Passage | undefined>, before: Promise<void> | undefined, statuses: Map<string, JobStatus>, answered: () => void): Promise<void> {
    const opened = await passage;
    const openedAt = performance.now();
    if (opened && isLate(opened)) return startDelivery(job, 0, opened.afterMs);
    await before;
    const waitMs = opened ? openedAt + opened.afterMs - performance.now() : 0;
    if (waitMs > 0) await sleep(waitMs);
    await send(job, statuses, answered);
  }

  return {
    async idle() {
      while (sending.size > 0) await Promise.all(sending.values());
    },

    isSending: (deliveryId) => sending.has(deliveryId),

    async sendInOrder(sessionKey, jobs, news) {
      const statuses = new Map<string, JobStatus>(jobs.map((job) => [job.deliveryId, 'sending']));
      const all: Promise<void>[] = [];
      let movedAt = performance.now();
      for (const [destination, group] of Map.groupBy(jobs, destinationOf)) {
        const isSlow = underWay.oldestMs(destination) > timings.patienceMs / 2;
        const opening = open(group);
        const chainKey = `${sessionKey}/${destination}`;
        for (const [index, job] of group.entries()) {
          const before = chains.get(chainKey);
          const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
          const passage = opening.then((each) => each?.[index]);
          const sent = take(job, passage, before, statuses, answer)
            .catch((error: unknown) => {
              log.error({ err: error, delivery: job.deliveryId }, 'a first attempt broke off; the sweeper will take it up');
            })
            .finally(() => {
              answer();
              movedAt = performance.now();
              sending.delete(job.deliveryId);
            });
          sending.set(job.deliveryId, sent);
          if (!isSlow) all.push(sent);
          const link = Promise.resolve(before).then(() => Promise.race([answered, sleep(timings.patienceMs)]));
          chains.set(chainKey, link);
          void link.then(() => {
            if (chains.get(chainKey) === link) chains.delete(chainKey);
          });
        }
      }
      const stalled = news?.then(() => quiet(() => movedAt));
      await Promise.race([Promise.all(all), sleep(timings.patienceMs), ...(stalled ? [stalled] : [])]);
      return statuses;
    },
  };
}

function destinationOf({ integrationId, channel }: SendJob): string {
  return `${integrationId}/${channel ?? ''}`;
}

/** Resolves when nothing has moved for a moment. */
async function quiet(movedAt: () => number): Promise<void> {
  for (;;) {
    const leftMs = movedAt() + BRIEF_PATIENCE_MS - performance.now();
    if (leftMs <= 0) return;
    await sleep(leftMs);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
