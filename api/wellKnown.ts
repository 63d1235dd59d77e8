import { createRoute, z } from '@hono/zod-openapi';
import { exportJWK, importSPKI } from 'jose';
import { webhookPublicKey } from '../store/signingKeys.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { ApiRouter } from './router.ts';

const DESCRIPTION =
  'Verifies `X-Asteroid-Signature`: RSA PKCS#1 v1.5 over the SHA-256 of the raw body, in Base64. One key for the whole installation; it does not change.';
/** The key never changes, but an installation may be set up anew. */
const CACHING = { 'Cache-Control': 'public, max-age=3600' };

const pem = createRoute({
  method: 'get',
  path: '/.well-known/herald/webhook-public-key.pem',
  tags: ['Installation'],
  summary: 'The public key that webhooks are signed with, as PEM',
  description: DESCRIPTION,
  responses: { 200: { description: 'SPKI', content: { 'application/x-pem-file': { schema: z.string() } } } },
});

const jwks = createRoute({
  method: 'get',
  path: '/.well-known/herald/jwks.json',
  tags: ['Installation'],
  summary: 'The same public key, as a JSON Web Key Set',
  description: DESCRIPTION,
  responses: {
    200: {
      description: 'RFC 7517',
      content: { 'application/json': { schema: z.object({ keys: z.array(z.looseObject({ kty: z.string(), use: z.string(), alg: z.string() })) }) } },
    },
  },
});

/** The public key of the installation, for whoever receives its webhooks. */
export function registerWellKnown(app: ApiRouter, { db, secrets }: Pick<ApiDependencies, 'db' | 'secrets'>): void {
  app.openapi(pem, async (c) => c.body(await webhookPublicKey(db, secrets), 200, { ...CACHING, 'Content-Type': 'application/x-pem-file' }));

  app.openapi(jwks, async (c) => {
    const key = await exportJWK(await importSPKI(await webhookPublicKey(db, secrets), 'RS256'));
    return c.json({ keys: [{ ...key, kty: 'RSA', use: 'sig', alg: 'RS256' }] }, 200, CACHING);
  });
}
