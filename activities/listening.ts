/** Waits for the next events of one session. */
export interface Ear {
  /** Resolves with whether there was news since the last wait, at the latest after `ms`. At once when nothing can be heard. */
  wait(ms: number): Promise<boolean>;
  close(): void;
}

/** Which sessions this worker listens for, on behalf of the activities that decided their last events. */
export interface Listening {
  /** An ear for a session's news from now on; undefined when nothing can be heard now, or too many listen. */
  listen(sessionKey: number): Ear | undefined;
  /** There is news of these sessions. */
  hear(sessionKeys: number[]): void;
  /** Whether news can be heard. When it no longer can, nobody waits on. */
  setHearing(hears: boolean): void;
}

/** @param maxEars Sessions listened for at once: each holds an activity open. */
export function createListening(maxEars: number): Listening {
  const ears = new Map<number, Set<() => void>>();
  let open = 0;
  let hearing = false;

  function tell(sessionKey: number): void {
    for (const wake of ears.get(sessionKey) ?? []) wake();
  }

  return {
    hear: (sessionKeys) => sessionKeys.forEach(tell),

    setHearing(hears) {
      hearing = hears;
      if (!hears) for (const key of ears.keys()) tell(key);
    },

    listen(sessionKey) {
      if (!hearing || open >= maxEars) return undefined;
      open += 1;
      let heard = false;
      let wakeUp: (() => void) | undefined;
      const wake = () => {
        heard = true;
        wakeUp?.();
      };
      const wakers = ears.get(sessionKey) ?? new Set();
      ears.set(sessionKey, wakers.add(wake));
      return {
        async wait(ms) {
          if (!heard && hearing) {
            const { promise, resolve } = Promise.withResolvers<void>();
            wakeUp = resolve;
            const timer = setTimeout(resolve, ms);
            await promise;
            clearTimeout(timer);
          }
          const wasHeard = heard;
          heard = false;
          return wasHeard;
        },
        close() {
          if (!wakers.delete(wake)) return;
          open -= 1;
          if (wakers.size === 0 && ears.get(sessionKey) === wakers) ears.delete(sessionKey);
        },
      };
    },
  };
}
