import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, MiddlewareHandler } from 'hono';
import { claimKey, type IdempotencyClaim, releaseKey, storeAnswer } from '../../store/idempotency.ts';
import { SecretError } from '../../store/secrets.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { patiently } from '../patience.ts';
import { badRequest, Problem } from '../problems.ts';

type Deps = Pick<ApiDependencies, 'db' | 'secrets' | 'log'>;

/** While Postgres is away, who is to try again later is told so, and the key is released when it is back. */
const RELEASE_WITHIN_MS = 500;

/**
 * Answers a repeated POST with what was answered first (header `Idempotency-Key`, kept 24 h for each organisation).
 * Answers below 500 are kept, sealed, because some show a secret. A request that failed with 5xx, was told to slow down or
 * died with its process may be made again with the same key.
 */
export function idempotent({ db, secrets, log }: Deps): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const key = c.req.header('idempotency-key');
    if (key === undefined) return next();
    if (!/^[\x20-\x7e]{1,255}$/.test(key)) throw badRequest('Idempotency-Key', 'Idempotency-Key: must be 1 to 255 printable ASCII characters');
    const { pathname, search } = new URL(c.req.url);
    const claim: IdempotencyClaim = {
      organisationId: c.var.organisationId,
      key,
      requestHash: createHash('sha256').update(`${c.req.method} ${pathname}${search}\n`).update(await c.req.text()).digest(),
      claimant: randomUUID(),
    };
    const result = await patiently(() => claimKey(db, claim));
    if (result.outcome === 'mismatch') throw mismatch(key);
    if (result.outcome === 'in_progress') throw inProgress(key);
    if (result.outcome === 'answered') {
      const { body, contentType } = openAnswer(key, result);
      return new Response(body, { status: result.status, headers: { 'Content-Type': contentType, 'Idempotent-Replayed': 'true' } });
    }
    await next();
    const cameToNothing = c.res.status >= 500 || c.res.status === 429;
    const settled = patiently(() => (cameToNothing ? releaseKey(db, claim) : keep(c, claim))).catch((error: unknown) =>
      log.warn({ err: error }, 'the answer to an idempotent request could not be kept'),
    );
    await (cameToNothing ? Promise.race([settled, sleep(RELEASE_WITHIN_MS, undefined, { ref: false })]) : settled);
  };

  function openAnswer(key: string, { status, body }: { status: number; body: string }): { body: string; contentType: string } {
    try {
      return secrets.open(body) as { body: string; contentType: string };
    } catch (error) {
      throw error instanceof SecretError ? unreadable(key, status) : error;
    }
  }

  async function keep(c: Context<ApiEnv>, claim: IdempotencyClaim): Promise<void> {
    const answer = { body: await c.res.clone().text(), contentType: c.res.headers.get('content-type') ?? 'application/json' };
    return storeAnswer(db, claim, { status: c.res.status, body: secrets.seal(answer) });
  }
}

function mismatch(key: string): Problem {
  return new Problem({
    status: 409,
    type: 'idempotency-key-reused',
    title: 'Idempotency key reused',
    detail: `The Idempotency-Key '${key}' was used for another request. Use a new key for a new request.`,
  });
}

/** The key that sealed it was dropped less than a day after it had been replaced. */
function unreadable(key: string, status: number): Problem {
  return new Problem({
    status: 409,
    type: 'kept-answer-unreadable',
    title: 'Kept answer unreadable',
    detail:
      `The request with the Idempotency-Key '${key}' was answered with ${status}, but its kept answer cannot be opened any more: ` +
      `Herald's secret key has changed since. Read what came of it, or use a new key to make the request again.`,
  });
}

function inProgress(key: string): Problem {
  return new Problem({
    status: 409,
    type: 'request-in-progress',
    title: 'Request in progress',
    detail: `A request with the Idempotency-Key '${key}' is being answered. Ask again in a moment.`,
    headers: { 'Retry-After': '1' },
  });
}
