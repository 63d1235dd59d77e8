import { createRoute, z } from '@hono/zod-openapi';
import type { Channel, StoredConfig } from '../../activities/channels/channel.ts';
import { checkUrl } from '../../activities/channels/address.ts';
import { channels } from '../../activities/channels/index.ts';
import type { JsonObject } from '../../model/types.ts';
import { createIntegration, deleteIntegration, type Integration, listIntegrations, readIntegration, updateIntegration } from '../../store/integrations.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { badRequest, conflict, invalidInput, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { conflicting, idempotencyHeader, jsonAnswer, jsonBody, missing, refusals } from './answers.ts';
import { booleanFilter, textFilter } from './filters.ts';
import { type Guards, security } from './guard.ts';
import { changedDelivery } from './deliverySettings.ts';
import { createdIntegrationSchema, integrationPatchSchema, integrationSchema, newIntegrationSchema, viewIntegration } from './integrationSchemas.ts';
import { listAnswer, listOf, pageRequest, timePaging } from './paging.ts';

export const integrationIdParam = z.object({ id: z.string().openapi({ example: 'int_x2m8q1w7e5r4t6y0u2i8k3v9' }) });
const common = { tags: ['Integrations'], security };

const create = createRoute({
  ...common,
  method: 'post',
  path: '/integrations',
  summary: 'Create an integration',
  description: 'Connects Slack or a webhook to the organisation. It sends nothing until it is bound to an agent.',
  request: { headers: idempotencyHeader, body: jsonBody(newIntegrationSchema) },
  responses: { 201: jsonAnswer('The integration; `secret` is shown only here', createdIntegrationSchema), ...refusals, ...conflicting },
});

const listAll = createRoute({
  ...common,
  method: 'get',
  path: '/integrations',
  summary: 'List integrations, newest first',
  request: { query: z.strictObject({ ...timePaging, type: textFilter, enabled: booleanFilter }) },
  responses: { 200: jsonAnswer('A page of integrations', listOf(integrationSchema)), ...refusals },
});

const readOne = createRoute({
  ...common,
  method: 'get',
  path: '/integrations/{id}',
  summary: 'Read an integration',
  request: { params: integrationIdParam },
  responses: { 200: jsonAnswer('The integration', integrationSchema), ...refusals, ...missing },
});

const change = createRoute({
  ...common,
  method: 'patch',
  path: '/integrations/{id}',
  summary: 'Change an integration',
  description: 'Enabling it also settles whatever made Herald disable it, and begins anew with its health. The type cannot be changed.',
  request: { params: integrationIdParam, body: jsonBody(integrationPatchSchema) },
  responses: { 200: jsonAnswer('The integration', integrationSchema), ...refusals, ...missing },
});

const remove = createRoute({
  ...common,
  method: 'delete',
  path: '/integrations/{id}',
  summary: 'Delete an integration',
  description:
    'One that is bound to agents is refused with 409, and `notifications` lists what binds it. ' +
    '`force=true` deletes it with its notifications. Deliveries that are still open fail.',
  request: { params: integrationIdParam, query: z.strictObject({ force: booleanFilter }) },
  responses: { 204: { description: 'Deleted' }, ...refusals, ...missing, ...conflicting },
});

/** Integrations: where messages can go. Secrets are sealed and never answered. */
export function registerIntegrations(app: ApiRouter, { db, secrets, settings }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...create, middleware: guards.create('admin') }, async (c) => {
    const { config: input, ...rest } = c.req.valid('json');
    const channel = channelOf(rest.type);
    const stored = channel.split(input);
    requireAllowed(channel, stored);
    const sealed = { config: stored.config, secrets: secrets.seal(stored.secrets) };
    const integration = await createIntegration(db, c.var.organisationId, { ...rest, ...sealed });
    const secret = channel.newSecret(stored.secrets);
    return c.json({ ...viewIntegration(integration), ...(secret === undefined ? {} : { secret }) }, 201);
  });

  app.openapi({ ...listAll, middleware: guards.read('admin') }, async (c) => {
    const { type, enabled, ...paging } = c.req.valid('query');
    const page = await listIntegrations(db, c.var.organisationId, { type, enabled }, pageRequest(paging));
    return c.json(listAnswer(page, viewIntegration), 200);
  });

  app.openapi({ ...readOne, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const integration = await readIntegration(db, c.var.organisationId, id);
    if (!integration) throw notFound(`integration '${id}'`);
    return c.json(viewIntegration(integration), 200);
  });

  app.openapi({ ...change, middleware: guards.change('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const { config, delivery, ...rest } = c.req.valid('json');
    const integration = await updateIntegration(db, c.var.organisationId, id, (current) => ({
      ...rest,
      ...(config === undefined ? {} : patchConfig(current, config)),
      ...(delivery === undefined ? {} : { delivery: changedDelivery(current.delivery, delivery) }),
    }));
    if (!integration) throw notFound(`integration '${id}'`);
    return c.json(viewIntegration(integration), 200);
  });

  app.openapi({ ...remove, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const { force = false } = c.req.valid('query');
    const result = await deleteIntegration(db, c.var.organisationId, id, { force });
    if (result.outcome === 'unknown') throw notFound(`integration '${id}'`);
    if (result.outcome === 'bound') throw stillBound(id, result.notificationIds);
    return c.body(null, 204);
  });

  function patchConfig(current: Integration, patch: JsonObject): { config: JsonObject; secrets: string } {
    const channel = channelOf(current.type);
    const merged = merge(channel, { config: current.config, secrets: secrets.open(current.secrets) }, patch);
    requireAllowed(channel, merged);
    return { config: merged.config, secrets: secrets.seal(merged.secrets) };
  }

  function requireAllowed(channel: Channel, stored: StoredConfig): void {
    for (const { field, url } of channel.destinations(stored.config, stored.secrets)) {
      const reason = checkUrl(url, settings.allowedDestinations);
      if (reason !== undefined) throw badRequest(`config.${field}`, `config.${field}: ${reason}`);
    }
  }
}

export function channelOf(type: string): Channel {
  const channel = channels[type];
  if (!channel) throw new Error(`There is no channel '${type}'.`);
  return channel;
}

function merge(channel: Channel, current: StoredConfig, patch: JsonObject): StoredConfig {
  try {
    return channel.merge(current, patch);
  } catch (error) {
    if (error instanceof z.ZodError) throw invalidInput(error, ['config']);
    throw error;
  }
}

function stillBound(id: string, notificationIds: string[]) {
  const bound = notificationIds.length === 1 ? 'an agent by 1 notification' : `agents by ${notificationIds.length} notifications`;
  return conflict(`The integration '${id}' is bound to ${bound}. Delete what binds it first, or repeat with ?force=true to delete it all.`, {
    notifications: notificationIds,
  });
}
