import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../model/types.ts';
import { closeDelivery, type DeliveryToSend, leaseDelivery, loadStoredEvents } from '../store/messages.ts';
import { releaseLeases } from '../store/outcomes.ts';
import type { Attempts } from './attempts.ts';
import type { Message } from './channels/channel.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Destination, Directory } from './destinations.ts';
import { DISABLED, type Passage, passages } from './gate.ts';
import { messageOf } from './message.ts';
import type { Questions } from './questions.ts';
import { createSlots } from './slots.ts';
import type { Turns } from './turns.ts';
import type { AttemptRequest, DeliveryActivities, DeliveryAttempt } from './types.ts';

/** Retries under way to one destination from one worker process: a dead one must leave room for the others. */
const RETRIES_PER_DESTINATION = 16;
/** A longer wait is a timer of the workflow. */
const PATIENCE_MS = 100;
/** A turn that was missed by more than this, because nobody was there to take it, has to be reserved again. */
const TURN_HOLDS_MS = 10_000;

export function createDeliveryActivities(deps: ActivityDependencies, directory: Directory, questions: Questions, attempts: Attempts, turns: Turns): DeliveryActivities {
  const { db, owner, publicUrl, timings } = deps;
  const slots = createSlots(RETRIES_PER_DESTINATION);

  async function messageFor(delivery: DeliveryToSend): Promise<Message | undefined> {
    const agentId = delivery.agentId ?? '';
    const agent = { id: agentId, name: agentId === '' ? 'Example agent' : await directory.agentName(agentId, delivery.rulesVersion) };
    if (delivery.testEvent) return testMessage(delivery, delivery.testEvent, publicUrl, agent);
    if (delivery.sessionKey === null || delivery.seq === null || delivery.sessionId === null) return undefined;
    const event = (await loadStoredEvents(db, delivery.sessionKey, [delivery.seq])).get(delivery.seq);
    const message = event && messageOf(delivery, event, { id: delivery.sessionId, publicUrl }, agent);
    return message && questions.addTo(message, { organisationId: delivery.organisationId, key: delivery.sessionKey });
  }

  /** When a delivery under lease may go out: by the turn it has, or by one that is reserved for it now. */
  async function passageOf(delivery: DeliveryToSend, destination: Destination, request: AttemptRequest): Promise<Passage> {
    const { integrationId, channel, turnLateMs, testEvent } = delivery;
    const { jitter, byHand = false, putOffs = 0 } = request;
    const pausedMs = byHand || testEvent ? 0 : delivery.pausedMs;
    if (pausedMs === 0 && turnLateMs !== null && turnLateMs <= TURN_HOLDS_MS) return { afterMs: Math.max(0, -turnLateMs), hasTurn: true };
    const passage = await passages(turns, destination, { integrationId, channel, count: 1, pausedMs, jitter, putOffs });
    return passage?.[0] ?? { afterMs: 0, hasTurn: false };
  }

  async function attempt(request: AttemptRequest): Promise<DeliveryAttempt> {
    const { deliveryId, jitter } = request;
    const lease = await leaseDelivery(db, deliveryId, { owner, ms: timings.attemptLeaseMs });
    if (lease.outcome === 'unknown') return { outcome: 'closed', status: 'deleted' };
    if (lease.outcome !== 'leased') return lease;
    const { delivery } = lease;
    const destination = await directory.destination(delivery.integrationId, delivery.rulesVersion);
    if (!destination) return giveUp(deliveryId, 'The integration of this delivery was deleted.', 'a deleted integration');
    const to = destination.channel.describe(destination.config, delivery.channel);
    if (!destination.enabled && !delivery.testEvent) return giveUp(deliveryId, DISABLED, to);
    const { afterMs, hasTurn } = await passageOf(delivery, destination, request);
    if (afterMs > PATIENCE_MS) {
      await releaseLeases(db, [{ id: deliveryId, afterMs, hasTurn }], owner);
      return { outcome: 'wait', forMs: Math.ceil(afterMs), for: hasTurn ? 'turn' : 'pause' };
    }
    await sleep(afterMs);
    const message = await messageFor(delivery);
    if (!message) return giveUp(deliveryId, 'The event of this delivery is gone.', to);
    const { attemptCount: attemptsMade, integrationId } = delivery;
    const { result, nextAttemptMs } = await attempts.attempt({ id: deliveryId, integrationId, attemptsMade, jitter }, message, destination);
    if (result.ok) return { outcome: 'delivered', to };
    if (nextAttemptMs === null) return { outcome: 'failed', error: result.error, to };
    return { outcome: 'retry', afterMs: nextAttemptMs, attemptsMade: attemptsMade + 1, error: result.error, to };
  }

  async function giveUp(deliveryId: string, error: string, to: string): Promise<DeliveryAttempt> {
    await closeDelivery(db, deliveryId, 'failed', error);
    return { outcome: 'failed', error, to };
  }

  return {
    async attemptDelivery(request) {
      const { integrationId } = request;
      if (!(await slots.acquire(integrationId, 0))) return { outcome: 'crowded' };
      try {
        return await attempt(request);
      } finally {
        slots.release(integrationId);
      }
    },

    async cancelDelivery({ deliveryId, reason }) {
      await closeDelivery(db, deliveryId, 'cancelled', reason);
    },
  };
}

function testMessage(delivery: DeliveryToSend, event: JsonObject, publicUrl: string, agent: { id: string; name: string }): Message {
  const session = 'example-session';
  return {
    deliveryId: delivery.id,
    eventId: delivery.eventId,
    eventType: delivery.eventType,
    occurredAt: delivery.createdAt.toISOString(),
    seq: null,
    payload: event,
    metadata: {},
    session: { id: session, url: `${publicUrl}/sessions/${session}` },
    agent,
    channel: delivery.channel,
    test: true,
  };
}
