import type { JsonObject } from '../model/types.ts';
import { closeDelivery, type DeliveryToSend, leaseDelivery, loadStoredEvents } from '../store/messages.ts';
import type { Message } from './channels/channel.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Directory } from './destinations.ts';
import { messageOf } from './message.ts';
import type { Sender } from './sender.ts';
import { createSlots } from './slots.ts';
import type { DeliveryActivities, DeliveryAttempt } from './types.ts';

/** Retries under way to one destination from one worker process: a dead one must leave room for the others. */
const RETRIES_PER_DESTINATION = 16;

export function createDeliveryActivities(deps: ActivityDependencies, directory: Directory, sender: Sender): DeliveryActivities {
  const { db, owner, publicUrl, timings } = deps;
  const slots = createSlots(RETRIES_PER_DESTINATION);

  async function messageFor(delivery: DeliveryToSend): Promise<Message | undefined> {
    const agentId = delivery.agentId ?? '';
    const agent = { id: agentId, name: agentId === '' ? 'Example agent' : await directory.agentName(agentId, delivery.rulesVersion) };
    if (delivery.testEvent) return testMessage(delivery, delivery.testEvent, publicUrl, agent);
    if (delivery.sessionKey === null || delivery.seq === null || delivery.sessionId === null) return undefined;
    const event = (await loadStoredEvents(db, delivery.sessionKey, [delivery.seq])).get(delivery.seq);
    return event && messageOf(delivery, event, { id: delivery.sessionId, publicUrl }, agent);
  }

  async function attempt(deliveryId: string, jitter: number): Promise<DeliveryAttempt> {
    const lease = await leaseDelivery(db, deliveryId, { owner, ms: timings.attemptLeaseMs });
    if (lease.outcome === 'unknown') return { outcome: 'closed', status: 'deleted' };
    if (lease.outcome !== 'leased') return lease;
    const { delivery } = lease;
    const destination = await directory.destination(delivery.integrationId, delivery.rulesVersion);
    const message = await messageFor(delivery);
    if (!destination || !message) {
      const error = destination ? 'The event of this delivery is gone.' : 'The integration of this delivery was deleted.';
      await closeDelivery(db, deliveryId, 'failed', error);
      return { outcome: 'failed', error, to: 'a deleted integration' };
    }
    const to = destination.channel.describe(destination.config, delivery.channel);
    const { attemptCount: attemptsMade, integrationId } = delivery;
    const job = { id: deliveryId, integrationId, attemptsMade, jitter };
    const { result, nextAttemptMs } = await sender.attempt(job, message, destination);
    if (result.ok) return { outcome: 'delivered', to };
    if (nextAttemptMs === null) return { outcome: 'failed', error: result.error, to };
    return { outcome: 'retry', afterMs: nextAttemptMs, attemptsMade: attemptsMade + 1, error: result.error, to };
  }

  return {
    async attemptDelivery({ deliveryId, integrationId, jitter }) {
      if (!(await slots.acquire(integrationId, 0))) return { outcome: 'crowded' };
      try {
        return await attempt(deliveryId, jitter);
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
