import { LRUCache } from 'lru-cache';
import { defaultDisableAfterS, type DeliverySettings } from '../model/deliverySettings.ts';
import { firstPauseMs, nextRetryDelayMs, slowDownMs } from '../model/retry.ts';
import type { AttemptResult } from '../model/types.ts';
import type { Failing } from '../store/health.ts';
import { disableIntegration, warnOfFailing } from '../store/integrationAlerts.ts';
import { noteChannelId } from '../store/rateLimits.ts';
import { webhookPrivateKey } from '../store/signingKeys.ts';
import type { Message, SendIo } from './channels/channel.ts';
import { createRsaSigner } from './channels/rsaSignature.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Destination } from './destinations.ts';
import { createOutcomeRecorder } from './outcomes.ts';
import type { Pauses } from './pauses.ts';
import { keepable } from './questions.ts';
import { withoutSecrets } from './withoutSecrets.ts';

/** A success of each integration is noted with its time so often at most. */
const SUCCESS_NOTED_EVERY_MS = 60_000;
const REMEMBERED = 10_000;

/** A delivery to be attempted, under lease. */
export interface AttemptJob {
  id: string;
  integrationId: string;
  attemptsMade: number;
  /** 0 to 1: spreads the delay of the next attempt. */
  jitter: number;
}

export interface Attempted {
  result: AttemptResult;
  /** Null when there will be no further attempt. */
  nextAttemptMs: number | null;
}

export interface Attempts {
  /**
   * Makes one attempt and records what came of it.
   * @param answered Told when the destination has answered, before that is recorded.
   */
  attempt(job: AttemptJob, message: Message, destination: Destination, answered?: () => void): Promise<Attempted>;
}

export function createAttempts(deps: ActivityDependencies, pauses: Pauses): Attempts {
  const { db, log, owner, http, secrets: box, timings } = deps;
  const io: SendIo = { http, now: () => new Date(), signRsa: createRsaSigner(() => webhookPrivateKey(db, box)) };
  const outcomes = createOutcomeRecorder(db, log);
  const noted = new LRUCache<string, true>({ max: REMEMBERED, ttl: SUCCESS_NOTED_EVERY_MS });

  /** Undefined for a message that cannot be made. */
  async function tryToSend(message: Message, { channel, config, secrets, delivery }: Destination): Promise<AttemptResult | undefined> {
    const { timeout_s } = delivery;
    try {
      const withTimeout = timeout_s === undefined ? io : { ...io, timeoutMs: timeout_s * 1000 };
      const result = await channel.send(channel.render(message, config), message, config, secrets, withTimeout);
      return withoutSecrets(keepable(result, message), secrets);
    } catch (error) {
      log.error({ err: error, delivery: message.deliveryId }, 'a message could not be made');
      return undefined;
    }
  }

  /** A channel that is chosen by its name and by its id has one limit. */
  async function learnChannel(integrationId: string, { channel: chosen }: Message, { channel, config, rateLimit, channelIds }: Destination, id: string): Promise<void> {
    const name = channel.limitedTogether?.(config, chosen);
    if (!rateLimit || name === undefined || name === id || channelIds.get(name) === id) return;
    await noteChannelId(db, integrationId, name, id);
    channelIds.set(name, id);
  }

  function retryDelay(job: AttemptJob, { delivery }: Destination, result: AttemptResult): number | null {
    if (result.ok || result.kind !== 'retryable') return null;
    const { retryAfterMs } = result;
    const schedule = scheduleOf(delivery) ?? timings.retrySchedule;
    return nextRetryDelayMs(job.attemptsMade + 1, { schedule, random: job.jitter, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }

  /** A failed test says nothing about the messages that matter. */
  function saysOfHealth(integrationId: string, message: Message, result: AttemptResult) {
    if (message.test && !result.ok) return undefined;
    const noteSuccess = result.ok && !noted.has(integrationId);
    if (noteSuccess) noted.set(integrationId, true);
    return { integrationId, noteSuccess, slowDownMs: slowDownMs(result) };
  }

  /** Gives up on a destination, or warns of it, when it is time. */
  async function look(job: AttemptJob, { delivery }: Destination, { result, nextAttemptMs }: Attempted, failing: Failing | undefined): Promise<void> {
    if (result.ok) return;
    const { id, integrationId } = job;
    const { disable_after_s: afterS = defaultDisableAfterS } = delivery;
    const lastError = result.error;
    if (result.kind === 'gone') {
      await disableIntegration(db, integrationId, { reason: 'The endpoint answered 410 Gone.', lastError });
    } else if (failing && afterS !== null && failing.forMs >= afterS * 1000) {
      const reason = `No message has arrived for ${words(failing.forMs)}; the last error: ${lastError}`;
      await disableIntegration(db, integrationId, { reason, lastError, afterMs: afterS * 1000 });
    } else if (failing && !failing.warned && nextAttemptMs === null) {
      await warnOfFailing(db, integrationId, { deliveryId: id, lastError });
    }
  }

  return {
    async attempt(job, message, destination, answered) {
      const { id, integrationId } = job;
      const startedAt = new Date();
      const sent = await tryToSend(message, destination);
      const result = sent ?? notMade;
      const health = sent && saysOfHealth(integrationId, message, sent);
      if (typeof health?.slowDownMs === 'number') pauses.note(integrationId, Math.max(health.slowDownMs, firstPauseMs));
      answered?.();
      const nextAttemptMs = retryDelay(job, destination, result);
      const status = result.ok ? 'delivered' : nextAttemptMs === null ? 'failed' : 'retrying';
      const failing = await outcomes.record({ deliveryId: id, owner, startedAt, result, status, nextAttemptMs, ...(health ? { health } : {}) });
      if (result.ok && result.channelId !== undefined) {
        await learnChannel(integrationId, message, destination, result.channelId).catch((error: unknown) => {
          log.warn({ err: error, integration: integrationId }, 'the id of a channel could not be noted; the next message tries again');
        });
      }
      if (failing) pauses.note(integrationId, failing.pausedMs);
      if (health) {
        await look(job, destination, { result, nextAttemptMs }, failing).catch((error: unknown) => {
          log.error({ err: error, integration: integrationId }, 'an integration that fails could not be dealt with; the next failure tries again');
        });
      }
      return { result, nextAttemptMs };
    },
  };
}

/** A message that cannot be made counts as an attempt, so that it ends with its schedule. */
const notMade: AttemptResult = {
  ok: false,
  kind: 'retryable',
  error: 'Herald could not make this message; its log says why.',
  statusCode: null,
  response: null,
  durationMs: 0,
};

/** With the first attempt, which is due at once. */
function scheduleOf({ retry_schedule_s: delays }: DeliverySettings): number[] | undefined {
  return delays && [0, ...delays.map((delayS) => delayS * 1000)];
}

function words(ms: number): string {
  const hours = ms / 3_600_000;
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  if (hours >= 2) return `${Math.floor(hours)} hours`;
  return ms >= 120_000 ? `${Math.floor(ms / 60_000)} minutes` : `${Math.floor(ms / 1000)} seconds`;
}
