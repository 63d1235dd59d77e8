import type { SessionEvent } from '../model/types.ts';
import type { Db } from '../store/database.ts';
import { type StoredEvent, loadStoredEvents } from '../store/messages.ts';
import type { Message } from './channels/channel.ts';

/** Stored events are held in memory so many at a time: each may be a megabyte. */
const SLICE = 25;

/** Stored events of a batch, loaded a slice at a time, so that a batch of large events does not fill the memory. */
export interface EventSlices {
  load(seq: number): Promise<StoredEvent | undefined>;
}

/** @param known Events that need not be read. */
export function createEventSlices(db: Db, sessionKey: number, seqs: number[], known: ReadonlyMap<number, StoredEvent> = new Map()): EventSlices {
  const sorted = [...new Set(seqs)].filter((seq) => !known.has(seq)).toSorted((a, b) => a - b);
  const slices = new Map<number, Promise<Map<number, StoredEvent>>>();
  return {
    async load(seq) {
      const event = known.get(seq);
      if (event) return event;
      const slice = Math.floor(sorted.indexOf(seq) / SLICE);
      let loading = slices.get(slice);
      if (!loading) {
        // The slice before stays for destinations that are slower than the others.
        for (const other of slices.keys()) if (other < slice - 1) slices.delete(other);
        loading = loadStoredEvents(db, sessionKey, sorted.slice(slice * SLICE, (slice + 1) * SLICE));
        slices.set(slice, loading);
      }
      return (await loading).get(seq);
    },
  };
}

/** Events as the store has them, of those that a workflow was handed whole. */
export function wholeEvents(events: Iterable<SessionEvent>, metadata: Record<string, string>): Map<number, StoredEvent> {
  const whole = new Map<number, StoredEvent>();
  for (const { seq, id: eventId, type: eventType, occurredAt, payload, agentRef = null, cut } of events) {
    if (!cut) whole.set(seq, { seq, eventId, eventType, occurredAt, payload, agentRef, metadata });
  }
  return whole;
}

/** The message about a stored event, for one delivery. */
export function messageOf(
  delivery: { id: string; channel: string | null },
  event: StoredEvent,
  session: { id: string; publicUrl: string },
  agent: { id: string; name: string },
): Message {
  return {
    deliveryId: delivery.id,
    eventId: event.eventId,
    eventType: event.eventType,
    occurredAt: event.occurredAt,
    seq: event.seq,
    payload: event.payload,
    metadata: event.metadata,
    session: { id: session.id, url: `${session.publicUrl}/sessions/${encodeURIComponent(session.id)}` },
    agent,
    channel: delivery.channel,
    test: false,
  };
}
