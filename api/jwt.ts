import { hkdfSync } from 'node:crypto';
import { CompactSign, compactVerify, errors } from 'jose';
import { LRUCache } from 'lru-cache';

/** Whom a session token speaks for. */
export interface SessionClaims {
  sessionId: string;
  organisationId: string;
  /** The key the token was made with; revoking it ends the token. */
  apiKeyId: string;
  /** Milliseconds since 1970. */
  expiresAtMs: number;
}

export interface SessionTokens {
  issue(session: Omit<SessionClaims, 'expiresAtMs'>, nowMs?: number): Promise<string>;
  /** The claims of a token that we signed, expired or not; undefined for anything else. */
  read(token: string): Promise<SessionClaims | undefined>;
}

const LIFETIME_MS = 24 * 60 * 60 * 1000;
const CACHED_TOKENS = 20_000;

/**
 * Makes and reads the JWTs of the AgentOps API: HS256, 24 hours, one session each.
 * @param previousKeys Secret keys whose tokens are still accepted while the key is rotated.
 */
export function createSessionTokens(secretKey: string, previousKeys: string[] = []): SessionTokens {
  const key = signingKey(secretKey);
  const keys = [key, ...previousKeys.map(signingKey)];
  const verified = new LRUCache<string, SessionClaims>({ max: CACHED_TOKENS });

  return {
    async issue(session, nowMs = Date.now()) {
      const claims = {
        session_id: session.sessionId,
        organisation_id: session.organisationId,
        api_key_id: session.apiKeyId,
        iat: Math.floor(nowMs / 1000),
        exp: Math.floor((nowMs + LIFETIME_MS) / 1000),
      };
      return new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .sign(key);
    },

    async read(token) {
      const known = verified.get(token);
      if (known) return known;
      const payload = await verifiedPayload(token, keys);
      if (!payload) return undefined;
      const claims = claimsOf(payload);
      verified.set(token, claims);
      return claims;
    },
  };
}

async function verifiedPayload(token: string, keys: Uint8Array[]): Promise<Uint8Array | undefined> {
  for (const key of keys) {
    try {
      return (await compactVerify(token, key, { algorithms: ['HS256'] })).payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
    }
  }
  return undefined;
}

function signingKey(secretKey: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secretKey, '', 'herald session token', 32));
}

/** Only what {@link createSessionTokens} signed gets here, so the shape is known. */
function claimsOf(payload: Uint8Array): SessionClaims {
  const claims = JSON.parse(Buffer.from(payload).toString('utf8'));
  return {
    sessionId: claims.session_id,
    organisationId: claims.organisation_id,
    apiKeyId: claims.api_key_id,
    expiresAtMs: claims.exp * 1000,
  };
}
