import { createRoute, z } from '@hono/zod-openapi';
import { readAgent } from '../../store/agents.ts';
import { type ApiKey, apiKeyScopes, createApiKey, findApiKeyById, listApiKeys, revokeApiKey } from '../../store/apiKeys.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { patiently } from '../patience.ts';
import { conflict, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { shortText } from '../schemas.ts';
import { conflicting, idempotencyHeader, instant, jsonAnswer, jsonBody, missing, refusals } from './answers.ts';
import { type Guards, security } from './guard.ts';
import { listAnswer, listOf, pageRequest, timePaging } from './paging.ts';

const SCOPE_RULE = `must be one of: ${apiKeyScopes.join(', ')}`;
const common = { tags: ['API keys'], security };
const idParam = z.object({ id: z.string().openapi({ example: 'key_w7e5r4t6y0u2i8k3v9x2m8q1' }) });

const scopes = z
  .array(z.enum(apiKeyScopes, SCOPE_RULE))
  .min(1, 'must list at least one scope')
  .transform((given) => [...new Set(given)])
  .openapi({
    type: 'array',
    items: { type: 'string', enum: [...apiKeyScopes] },
    description: '`ingest` reports sessions and events, `admin` does everything. Give agents `ingest` alone.',
    example: ['ingest'],
  });

const newApiKeySchema = z
  .strictObject({
    name: z.string().trim().pipe(shortText(255)).openapi({ type: 'string', minLength: 1, maxLength: 255, example: 'order-processing agents' }),
    scopes,
    default_agent_id: z.string().nullish().openapi({
      description: 'The agent of sessions that name none',
      example: 'agt_k3v9x2m8q1w7e5r4t6y0u2i8',
    }),
  })
  .openapi('NewApiKey');

const apiKeySchema = z
  .object({
    id: z.string().openapi({ example: 'key_w7e5r4t6y0u2i8k3v9x2m8q1' }),
    name: z.string().openapi({ example: 'order-processing agents' }),
    scopes: z.array(z.string()).openapi({ example: ['ingest'] }),
    default_agent_id: z.string().nullable().openapi({ example: null }),
    hint: z.string().openapi({ description: 'Last four characters of the key', example: '4b2f' }),
    created_at: instant,
    revoked_at: instant.nullable(),
  })
  .openapi('ApiKey');

const createdApiKeySchema = apiKeySchema
  .extend({ key: z.string().openapi({ description: 'Shown only here', example: '3d9f8a52-6c1e-4f0b-9a7d-2f1e8c5b4b2f' }) })
  .openapi('CreatedApiKey');

const create = createRoute({
  ...common,
  method: 'post',
  path: '/api_keys',
  summary: 'Create an API key',
  description: 'The key is stored as a hash and shown only in this answer.',
  request: { headers: idempotencyHeader, body: jsonBody(newApiKeySchema) },
  responses: { 201: jsonAnswer('The key', createdApiKeySchema), ...refusals, ...missing, ...conflicting },
});

const listAll = createRoute({
  ...common,
  method: 'get',
  path: '/api_keys',
  summary: 'List API keys, newest first',
  request: { query: z.strictObject(timePaging) },
  responses: { 200: jsonAnswer('A page of keys, revoked ones included', listOf(apiKeySchema)), ...refusals },
});

const readOne = createRoute({
  ...common,
  method: 'get',
  path: '/api_keys/{id}',
  summary: 'Read an API key',
  request: { params: idParam },
  responses: { 200: jsonAnswer('The key without the key itself', apiKeySchema), ...refusals, ...missing },
});

const revoke = createRoute({
  ...common,
  method: 'delete',
  path: '/api_keys/{id}',
  summary: 'Revoke an API key',
  description: "Ends it, and the session tokens made with it, within two seconds. It stays in the list. An organisation's last admin key is refused with 409.",
  request: { params: idParam },
  responses: { 204: { description: 'Revoked' }, ...refusals, ...missing, ...conflicting },
});

/** API keys: who may report, and who may configure. */
export function registerApiKeys(app: ApiRouter, { db }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...create, middleware: guards.create('admin') }, async (c) => {
    const { organisationId } = c.var;
    const body = c.req.valid('json');
    const defaultAgentId = body.default_agent_id ?? null;
    if (defaultAgentId !== null && !(await readAgent(db, organisationId, defaultAgentId))) throw notFound(`agent '${defaultAgentId}'`);
    const { id, key } = await createApiKey(db, { organisationId, name: body.name, scopes: body.scopes, defaultAgentId });
    return c.json({ ...viewApiKey(await patiently(() => requireKey(organisationId, id))), key }, 201);
  });

  app.openapi({ ...listAll, middleware: guards.read('admin') }, async (c) => {
    const page = await listApiKeys(db, c.var.organisationId, pageRequest(c.req.valid('query')));
    return c.json(listAnswer(page, viewApiKey), 200);
  });

  app.openapi({ ...readOne, middleware: guards.read('admin') }, async (c) => {
    return c.json(viewApiKey(await requireKey(c.var.organisationId, c.req.valid('param').id)), 200);
  });

  app.openapi({ ...revoke, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const outcome = await revokeApiKey(db, c.var.organisationId, id);
    if (outcome === 'unknown') throw notFound(`API key '${id}'`);
    if (outcome === 'last_admin') throw conflict("This is the organisation's last admin key. Create another one first.");
    return c.body(null, 204);
  });

  async function requireKey(organisationId: string, id: string): Promise<ApiKey> {
    const apiKey = await findApiKeyById(db, id);
    if (apiKey?.organisationId !== organisationId) throw notFound(`API key '${id}'`);
    return apiKey;
  }
}

function viewApiKey(apiKey: ApiKey): z.infer<typeof apiKeySchema> {
  return {
    id: apiKey.id,
    name: apiKey.name,
    scopes: apiKey.scopes,
    default_agent_id: apiKey.defaultAgentId,
    hint: apiKey.hint,
    created_at: apiKey.createdAt.toISOString(),
    revoked_at: apiKey.revokedAt?.toISOString() ?? null,
  };
}
