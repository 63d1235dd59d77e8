import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../dependencies.ts';
import { forbidden } from '../problems.ts';

/**
 * Lets those pass who may listen to the session in the path: its own token, or an API key that may report.
 * Says whose session it is in `c.var.organisationId`.
 */
export const requireListener: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const keyring = c.get('keyring');
  if (isToken(c.req.header('authorization'))) {
    const { sessionId, organisationId } = await keyring.requireSession(c);
    if (sessionId !== c.req.param('id')) throw forbidden("The token belongs to another session. Use this session's own, or an API key.");
    c.set('organisationId', organisationId);
  } else {
    c.set('organisationId', (await keyring.requireApiKey(c, 'ingest')).organisationId);
  }
  await next();
};

/** Either form of the API key, or the session's token. */
export const listenerSecurity: Record<string, string[]>[] = [{ sessionToken: [] }, { bearerKey: [] }, { apiKey: [] }];

/** API keys are UUIDs, without dots. */
function isToken(authorization: string | undefined): boolean {
  return authorization !== undefined && /^Bearer +[\w-]+\.[\w-]+\.[\w-]+ *$/i.test(authorization);
}
