import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { ensureSearchAttributes } from '../temporal/searchAttributes.ts';

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;

/** Registers Herald's search attributes as soon as the cluster can be asked; workflows run without them until then. */
export function watchSearchAttributes(client: Client, log: Logger): { usable: () => boolean; stop: () => void } {
  let usable = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function check(retryMs: number): Promise<void> {
    const reason = await ensureSearchAttributes(client);
    usable = reason === undefined;
    if (usable || stopped) return;
    if (retryMs === FIRST_RETRY_MS) log.warn({ reason }, 'no search attributes yet: the Temporal server is away or refuses them');
    timer = setTimeout(() => void check(Math.min(retryMs * 2, LAST_RETRY_MS)), retryMs).unref();
  }

  void check(FIRST_RETRY_MS);
  return {
    usable: () => usable,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
