import { LRUCache } from 'lru-cache';

/** While a burst of requests presses, a session begins its next cycle no sooner than this after its last one. */
const PRESSED_GAP_MS = 6000;
/** Word that requests press counts so long; it is repeated more often. */
const PRESSED_MS = 500;
const REMEMBERED_SESSIONS = 5000;

/** Sessions whose next batch is on its way through the Temporal server, bounded: the others' batches grow meanwhile. */
export interface Cycles {
  /** Resolves when the session may begin one: at the latest after `ms`, or so long after 6 s since its last one. */
  begin(sessionKey: number, ms: number): Promise<void>;
  /** The session's batch is recorded, or there was none. */
  end(sessionKey: number): void;
  /** The session has had one that somebody else began. */
  note(sessionKey: number): void;
  /** Whether a burst of requests waits for a processor: then sessions that have just had a cycle make room for it. */
  setPressed(isPressed: boolean): void;
  /** True when whoever wants to begin one must wait. */
  readonly areAllTaken: boolean;
}

/**
 * @param max Cycles at a time.
 * @param longestMs A cycle that did not end in this time counts no longer.
 */
export function createCycles(max: number, longestMs: number): Cycles {
  const underWay = new Map<number, NodeJS.Timeout>();
  /** Who waits for another one's end, in order. */
  const waiting = new Set<() => void>();
  /** When each session's last cycle began, in the time of `performance.now()`. */
  const begunAt = new LRUCache<number, number>({ max: REMEMBERED_SESSIONS });
  /** Called when requests press no longer. */
  const resting = new Set<() => void>();
  let relief: NodeJS.Timeout | undefined;

  function start(sessionKey: number): void {
    clearTimeout(underWay.get(sessionKey));
    underWay.set(sessionKey, setTimeout(() => end(sessionKey), longestMs));
    note(sessionKey);
  }

  function note(sessionKey: number): void {
    begunAt.set(sessionKey, performance.now());
  }

  function end(sessionKey: number): void {
    const timer = underWay.get(sessionKey);
    if (timer === undefined) return;
    clearTimeout(timer);
    underWay.delete(sessionKey);
    const [next] = waiting;
    if (!next) return;
    waiting.delete(next);
    next();
  }

  function setPressed(isPressed: boolean): void {
    clearTimeout(relief);
    relief = isPressed ? setTimeout(() => setPressed(false), PRESSED_MS).unref() : undefined;
    if (!isPressed) for (const go of resting) go();
  }

  /** Until somebody calls the one who waits, at the latest after `ms`. */
  async function waitAmong(others: Set<() => void>, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    others.add(resolve);
    await promise;
    clearTimeout(timer);
    others.delete(resolve);
  }

  return {
    get areAllTaken() {
      return underWay.size >= max || relief !== undefined;
    },
    end,
    note,
    setPressed,
    async begin(sessionKey, ms) {
      const restMs = (begunAt.get(sessionKey) ?? -Infinity) + PRESSED_GAP_MS - performance.now();
      if (relief && restMs > 0) await waitAmong(resting, restMs);
      if (underWay.size >= max && !underWay.has(sessionKey)) await waitAmong(waiting, ms);
      start(sessionKey);
    },
  };
}
