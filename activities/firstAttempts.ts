import type { NewDelivery } from '../store/record.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Directory } from './destinations.ts';
import { createEventSlices, type EventSlices, messageOf } from './message.ts';
import type { Questions } from './questions.ts';
import type { SendJob } from './sender.ts';

export interface FirstAttempts {
  session: { organisationId: string; key: number; id: string };
  /** Where their events are read, if that has begun. */
  events?: EventSlices;
  deliveries: Pick<NewDelivery, 'id' | 'seq' | 'eventType' | 'agentId' | 'integrationId' | 'channel'>[];
  /** The rules version that names and destinations must at least reflect. */
  version: number;
  /** `performance.now()` when the lease was asked for. */
  leasedAt: number;
}

/** Makes of leased deliveries of one session what the sender sends. */
export function createFirstAttempts({ db, publicUrl }: ActivityDependencies, directory: Directory, questions: Questions): (attempts: FirstAttempts) => SendJob[] {
  return ({ session, deliveries, version, leasedAt, events = createEventSlices(db, session.key, deliveries.map(({ seq }) => seq)) }) => {
    return deliveries.map((delivery) => ({
      organisationId: session.organisationId,
      deliveryId: delivery.id,
      integrationId: delivery.integrationId,
      eventType: delivery.eventType,
      channel: delivery.channel,
      leasedAt,
      destination: () => directory.destination(delivery.integrationId, version),
      prepare: async () => {
        const [stored, destination, agentName] = await Promise.all([
          events.load(delivery.seq),
          directory.destination(delivery.integrationId, version),
          directory.agentName(delivery.agentId, version),
        ]);
        if (!stored || !destination) return undefined;
        const agent = { id: delivery.agentId, name: agentName };
        const message = messageOf(delivery, stored, { id: session.id, publicUrl }, agent);
        return { destination, message: await questions.addTo(message, session) };
      },
    }));
  };
}
