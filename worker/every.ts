import type { Logger } from 'pino';

/** Something that runs again and again until it is stopped. */
export interface Recurring {
  /** Resolves when the round under way, if any, is over. */
  stop(): Promise<void>;
}

/**
 * Runs a task at once and then again, `pauseMs` after each round. A round that fails is logged and the next one tried.
 * @param task Should leave off when `isStopped` says so.
 */
export function every(pauseMs: number, what: string, log: Logger, task: (isStopped: () => boolean) => Promise<void>): Recurring {
  const stopping = new AbortController();
  const isStopped = () => stopping.signal.aborted;
  let wake: (() => void) | undefined;
  const running = (async () => {
    let failures = 0;
    while (!isStopped()) {
      try {
        await task(isStopped);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) log.warn({ err: error }, `${what} failed; it is tried again`);
      }
      if (isStopped()) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, pauseMs * Math.min(failures + 1, 10)).unref();
      });
    }
  })();
  return {
    async stop() {
      stopping.abort();
      wake?.();
      await running;
    },
  };
}
