import type { SessionEvent } from '../model/types.ts';

/** Events that an ear keeps; who was told of more reads them. */
const MAX_KEPT = 50;

/** Waits for the next events of one session. */
export interface Ear {
  /** Resolves with whether there was news since the last wait, at the latest after `ms`. At once when nothing can be heard. */
  wait(ms: number): Promise<boolean>;
  /** The events that follow this one, if the news since the last call was of these and of no others; else none. */
  take(afterSeq: number): SessionEvent[];
  close(): void;
}

/** Which sessions this worker listens for, on behalf of the activities that decided their last events. */
export interface Listening {
  /** An ear for a session's news from now on; undefined when nothing can be heard now, or too many listen. */
  listen(sessionKey: number): Ear | undefined;
  /** There is news of these sessions. */
  hear(sessionKeys: number[]): void;
  /** There is news of this session: these events, one after the other. */
  hearEvents(sessionKey: number, events: SessionEvent[]): void;
  /** Whether news can be heard. When it no longer can, nobody waits on. */
  setHearing(hears: boolean): void;
}

/** @param maxEars Sessions listened for at once: each holds an activity open. */
export function createListening(maxEars: number): Listening {
  const ears = new Map<number, Set<(events?: SessionEvent[]) => void>>();
  let open = 0;
  let hearing = false;

  function tell(sessionKey: number, events?: SessionEvent[]): void {
    for (const wake of ears.get(sessionKey) ?? []) wake(events);
  }

  return {
    hear(sessionKeys) {
      for (const key of sessionKeys) tell(key);
    },

    hearEvents: tell,

    setHearing(hears) {
      hearing = hears;
      if (!hears) for (const key of ears.keys()) tell(key);
    },

    listen(sessionKey) {
      if (!hearing || open >= maxEars) return undefined;
      open += 1;
      let heard = false;
      /** Undefined after news of which only Postgres knows more. */
      let kept: SessionEvent[] | undefined = [];
      let wakeUp: (() => void) | undefined;
      const wake = (events?: SessionEvent[]) => {
        heard = true;
        if (kept) kept = events && kept.length + events.length <= MAX_KEPT ? [...kept, ...events] : undefined;
        wakeUp?.();
      };
      const wakers = ears.get(sessionKey) ?? new Set<(events?: SessionEvent[]) => void>();
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
        take(afterSeq) {
          const events = kept?.filter(({ seq }) => seq > afterSeq) ?? [];
          kept = [];
          return events.every(({ seq }, index) => seq === afterSeq + 1 + index) ? events : [];
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
