import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../embedded/startError.ts';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** Whatever ran this long was healthy: the next end is a new matter. */
const HEALTHY_AFTER_MS = 10_000;

export interface Running {
  /** Fulfilled when it has ended, for whatever reason. */
  ended: Promise<unknown>;
  stop: () => Promise<void>;
}

export interface KeptRunning<T extends Running> {
  /** As it was started first. */
  first: T;
  /** Ends it for good. */
  stop: () => Promise<void>;
}

/**
 * Starts something and starts it again whenever it ends by itself, after pauses that grow while it keeps failing.
 * Once `ending` is aborted an end is as it should be.
 */
export async function keepRunning<T extends Running>(title: string, start: () => Promise<T>, log: Log, ending: AbortSignal): Promise<KeptRunning<T>> {
  const stopped = new AbortController();
  const over = AbortSignal.any([ending, stopped.signal]);
  const first = await start();
  let current: Running = first;

  const watching = watch();

  async function watch(): Promise<void> {
    let delayMs = FIRST_DELAY_MS;
    for (;;) {
      const startedAt = Date.now();
      await current.ended;
      if (over.aborted) return;
      if (Date.now() - startedAt > HEALTHY_AFTER_MS) delayMs = FIRST_DELAY_MS;
      log(`${title} has ended unexpectedly and is started again.`);
      current = await startAgain(delayMs);
      // Whoever asked for the end meanwhile waits for this, and then ends what has just been started.
      if (over.aborted) return;
      delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
    }
  }

  async function startAgain(delayMs: number): Promise<Running> {
    await sleep(delayMs, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return current;
    try {
      return await start();
    } catch (error) {
      log(error instanceof Error ? error.message : String(error));
      return { ended: Promise.resolve(), stop: () => Promise.resolve() };
    }
  }

  return {
    first,
    stop: async () => {
      stopped.abort();
      await current.stop();
      await watching;
      await current.stop();
    },
  };
}
