/** Sessions whose next batch is on its way through the Temporal server, bounded: the others' batches grow meanwhile. */
export interface Cycles {
  /** Resolves when the session may begin one, at the latest after `ms`. */
  begin(sessionKey: number, ms: number): Promise<void>;
  /** The session's batch is recorded, or there was none. */
  end(sessionKey: number): void;
  /** True when whoever wants to begin one must wait. */
  readonly areAllTaken: boolean;
}

/**
 * @param max Cycles at a time.
 * @param longestMs A cycle that did not end in this time counts no longer.
 */
export function createCycles(max: number, longestMs: number): Cycles {
  const underWay = new Map<number, NodeJS.Timeout>();
  const waiting: (() => void)[] = [];

  function start(sessionKey: number): void {
    clearTimeout(underWay.get(sessionKey));
    underWay.set(sessionKey, setTimeout(() => end(sessionKey), longestMs));
  }

  function end(sessionKey: number): void {
    const timer = underWay.get(sessionKey);
    if (timer === undefined) return;
    clearTimeout(timer);
    underWay.delete(sessionKey);
    waiting.shift()?.();
  }

  return {
    get areAllTaken() {
      return underWay.size >= max;
    },
    end,
    async begin(sessionKey, ms) {
      if (underWay.size >= max && !underWay.has(sessionKey)) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, ms);
        waiting.push(resolve);
        await promise;
        clearTimeout(timer);
        const place = waiting.indexOf(resolve);
        if (place >= 0) waiting.splice(place, 1);
      }
      start(sessionKey);
    },
  };
}
