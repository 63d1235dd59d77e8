import type { Destination } from './destinations.ts';
import type { Turns } from './turns.ts';

/** Why a message ends that was still to be sent when its integration was disabled. */
export const DISABLED = 'The integration is disabled. Enable it, then send this message again.';

/** When a message may go out. */
export interface Passage {
  /** Milliseconds from now; 0 for now. */
  afterMs: number;
  /** A turn under the rate limit is reserved for it then. */
  hasTurn: boolean;
}

export interface Arrivals {
  integrationId: string;
  /** The notification's own channel, or null. */
  channel: string | null;
  count: number;
  /** Milliseconds for which the destination wants nothing. */
  pausedMs: number;
  /** 0 to 1: spreads what waits for the end of the pause. */
  jitter: number;
  /** How often these have been put off by now: the oftener, the wider they are spread. */
  putOffs: number;
}

const FIRST_SPREAD_MS = 1000;
const WIDEST_SPREAD_MS = 600_000;

/** When messages to a destination may go out, by its rate limit and the pause it asked for; undefined when all may at once. */
export async function passages(turns: Turns, destination: Destination, arrivals: Arrivals): Promise<Passage[] | undefined> {
  const { integrationId, count, pausedMs } = arrivals;
  const { channel, config, rateLimit: limit, channelIds } = destination;
  if (limit) {
    const name = channel.limitedTogether?.(config, arrivals.channel) ?? '';
    const waitsMs = await turns.reserve({ integrationId, channel: channelIds.get(name) ?? name, count, limit, notBeforeMs: pausedMs });
    return waitsMs.map((afterMs) => ({ afterMs, hasTurn: true }));
  }
  if (pausedMs <= 0) return undefined;
  const spreadMs = Math.min(FIRST_SPREAD_MS * 2 ** arrivals.putOffs, WIDEST_SPREAD_MS);
  return Array.from({ length: count }, () => ({ afterMs: pausedMs + arrivals.jitter * spreadMs, hasTurn: false }));
}
