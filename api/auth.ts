import type { Context, MiddlewareHandler } from 'hono';
import { LRUCache } from 'lru-cache';
import { findApiKey, findApiKeyById, type ApiKey, type ApiKeyScope } from '../store/apiKeys.ts';
import type { Db } from '../store/database.ts';
import type { ApiEnv } from './dependencies.ts';
import { createSessionTokens, type SessionClaims, type SessionTokens } from './jwt.ts';
import { patiently } from './patience.ts';
import { forbidden, unauthorized } from './problems.ts';

/** How long a revoked key may still be taken for a good one. */
const KEY_CACHE_MS = 2000;
const CACHED_KEYS = 10_000;

/** Knows who is calling. One for the whole API; keeps what it has just looked up. */
export interface Keyring {
  tokens: SessionTokens;
  /** The key in `X-Agentops-Api-Key` or `Authorization: Bearer`. Throws 401, or 403 without the scope. */
  requireApiKey(c: Context<ApiEnv>, scope: ApiKeyScope): Promise<ApiKey>;
  /** As {@link requireApiKey}, but only from `X-Agentops-Api-Key`, as the AgentOps routes have it. */
  requireHeaderKey(c: Context<ApiEnv>, scope: ApiKeyScope): Promise<ApiKey>;
  /** The session in `Authorization: Bearer`, alone or beside a key. Throws 401. */
  requireSession(c: Context<ApiEnv>): Promise<SessionClaims>;
}

export function createKeyring(db: Db, settings: { secretKey: string; previousSecretKeys: string[] }): Keyring {
  const tokens = createSessionTokens(settings.secretKey, settings.previousSecretKeys);
  const byKey = shortCache((key) => patiently(() => findApiKey(db, key)));
  const byId = shortCache((id) => patiently(() => findApiKeyById(db, id)));

  async function validKey(key: string | undefined, scope: ApiKeyScope): Promise<ApiKey> {
    const found = key === undefined ? undefined : await byKey(key);
    if (!found || found.revokedAt) throw invalidApiKey();
    // Who may configure everything may report, too.
    if (!found.scopes.includes(scope) && !found.scopes.includes('admin')) throw forbidden(`This API key lacks the scope '${scope}'. Use one that has it.`);
    return found;
  }

  async function requireSession(c: Context<ApiEnv>): Promise<SessionClaims> {
    const token = bearer(c);
    if (token === undefined) throw missingToken();
    const claims = await tokens.read(token);
    if (!claims) throw invalidToken();
    const maker = await byId(claims.apiKeyId);
    if (!maker || maker.revokedAt) throw revokedToken();
    const key = headerKey(c);
    if (key !== undefined) await requireSameOrganisation(key, claims);
    else if (claims.expiresAtMs <= Date.now()) throw expiredToken();
    return claims;
  }

  async function requireSameOrganisation(key: string, claims: SessionClaims): Promise<void> {
    const found = await validKey(key, 'ingest');
    if (found.organisationId !== claims.organisationId) {
      throw forbidden("The API key belongs to another organisation than the token's session.");
    }
  }

  return {
    tokens,
    requireApiKey: (c, scope) => validKey(headerKey(c) ?? bearer(c), scope),
    requireHeaderKey: (c, scope) => validKey(headerKey(c), scope),
    requireSession,
  };
}

/** Lets only callers with a key of this scope pass, and says who they are in `c.var.apiKey` and `c.var.organisationId`. */
export function requireApiKey(scope: ApiKeyScope): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const apiKey = await c.get('keyring').requireApiKey(c, scope);
    c.set('apiKey', apiKey);
    c.set('organisationId', apiKey.organisationId);
    await next();
  };
}

/** Remembers each look-up for {@link KEY_CACHE_MS}, the ones under way included; failed ones are forgotten. */
function shortCache(lookUp: (name: string) => Promise<ApiKey | undefined>) {
  const cache = new LRUCache<string, Promise<ApiKey | undefined>>({ max: CACHED_KEYS, ttl: KEY_CACHE_MS });
  return (name: string): Promise<ApiKey | undefined> => {
    const known = cache.get(name);
    if (known) return known;
    const found = lookUp(name);
    cache.set(name, found);
    found.catch(() => cache.delete(name));
    return found;
  };
}

function headerKey(c: Context<ApiEnv>): string | undefined {
  return c.req.header('x-agentops-api-key')?.trim() || undefined;
}

function bearer(c: Context<ApiEnv>): string | undefined {
  const header = c.req.header('authorization');
  return header === undefined ? undefined : /^Bearer +(\S+) *$/i.exec(header)?.[1];
}

/** The words of FACTS' AgentOps wire format, which clients look for. */
function invalidApiKey() {
  return unauthorized('Invalid API key', 'Please check your API key and try again');
}

function missingToken() {
  return unauthorized(
    'Missing token',
    'Send Authorization: Bearer <jwt>, with the jwt that create_session or reauthorize_jwt answered.',
  );
}

function invalidToken() {
  return unauthorized(
    'Invalid token',
    'The token in Authorization is not one of this installation. Get a new one from /v2/reauthorize_jwt with your API key.',
  );
}

function expiredToken() {
  return unauthorized(
    'Token expired',
    'The token has expired. POST {"session_id"} with your API key in X-Agentops-Api-Key to /v2/reauthorize_jwt to get a new one.',
  );
}

function revokedToken() {
  return unauthorized(
    'Token revoked',
    'The API key this token was made with has been revoked. Get a new token from /v2/reauthorize_jwt with a valid API key.',
  );
}
