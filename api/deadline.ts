import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from './dependencies.ts';
import { unavailable } from './problems.ts';

/** Longer than events wait for Postgres (api/ingest.ts), and shorter than the AgentOps SDK waits for an answer (20 s). */
const DEADLINE_MS = 17_000;
/** Waits as long as its caller has asked for. */
const LONG_POLL = /^\/v1\/sessions\/[^/]+\/wait$/;

/**
 * Answers 503 for a request that is not answered in time, whatever it waits for: a Postgres that has fallen silent without
 * closing its connections, for one. The time begins when the whole request has arrived.
 */
export function answerInTime(deadlineMs = DEADLINE_MS): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (LONG_POLL.test(c.req.path)) return next();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const arm = () => {
        timer = setTimeout(() => {
          if (c.env?.incoming?.complete === false) arm();
          else reject(unavailable('The request could not be answered in time. It may have been carried out: repeat it with the same ids.'));
        }, deadlineMs);
      };
      arm();
    });
    try {
      await Promise.race([next(), late]);
    } finally {
      clearTimeout(timer);
    }
  };
}
