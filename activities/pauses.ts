import type { Db } from '../store/database.ts';
import { loadPauses } from '../store/health.ts';

/** A pause that was noted here may be stored a little later. */
const STORED_WITHIN_MS = 5000;

/** Which destinations have asked for a pause: known in memory, so that the others cost nothing. */
export interface Pauses {
  /** Milliseconds until something may be sent to the integration; 0 for now. */
  remainingMs(integrationId: string): number;
  /** Learns of a pause at once; what other workers learn comes with `refresh`. */
  note(integrationId: string, forMs: number): void;
  /** Reads the pauses that all workers share. */
  refresh(): Promise<void>;
}

export function createPauses(db: Db): Pauses {
  /** By `performance.now()`. */
  const pauses = new Map<string, { notedAt: number; endsAt: number }>();

  return {
    remainingMs(integrationId) {
      const pause = pauses.get(integrationId);
      return pause ? Math.max(0, pause.endsAt - performance.now()) : 0;
    },

    note(integrationId, forMs) {
      const notedAt = performance.now();
      const endsAt = Math.max(pauses.get(integrationId)?.endsAt ?? 0, notedAt + forMs);
      pauses.set(integrationId, { notedAt, endsAt });
    },

    async refresh() {
      const stored = await loadPauses(db);
      const now = performance.now();
      const shared = new Set(stored.map(({ integrationId }) => integrationId));
      for (const [id, { notedAt, endsAt }] of pauses) {
        // Over, or ended by somebody's hand.
        if (!shared.has(id) && (endsAt <= now || now - notedAt > STORED_WITHIN_MS)) pauses.delete(id);
      }
      for (const { integrationId, forMs } of stored) pauses.set(integrationId, { notedAt: now, endsAt: now + forMs });
    },
  };
}
