import { LRUCache } from 'lru-cache';
import type { SessionEvent } from '../model/types.ts';

/** Batches on their way through the Temporal server; each at most what one activity hands to a workflow. */
const MAX_BATCHES = 32;

/** The events that this worker has handed to workflows and that have not come back decided. */
export interface Handed {
  /** Remembers a session's last batch. */
  keep(sessionKey: number, events: SessionEvent[]): void;
  /** The session's last batch, once; empty when somebody else handed it over. */
  take(sessionKey: number): SessionEvent[];
}

export function createHanded(): Handed {
  const batches = new LRUCache<number, SessionEvent[]>({ max: MAX_BATCHES });
  return {
    keep: (sessionKey, events) => void batches.set(sessionKey, events),
    take(sessionKey) {
      const events = batches.get(sessionKey) ?? [];
      batches.delete(sessionKey);
      return events;
    },
  };
}
