import { createRoute, z } from '@hono/zod-openapi';
import { readAgent } from '../../store/agents.ts';
import type { Db } from '../../store/database.ts';
import type { Integration } from '../../store/integrations.ts';
import {
  createNotification,
  deleteNotification,
  listNotifications,
  MAX_NOTIFICATIONS_PER_AGENT,
  type NewNotification,
  type Notification,
  type NotificationSaved,
  readNotification,
  updateNotification,
} from '../../store/notifications.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { badRequest, conflict, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { conflicting, idempotencyHeader, jsonAnswer, jsonBody, missing, refusals } from './answers.ts';
import { booleanFilter, textFilter } from './filters.ts';
import { type Guards, security } from './guard.ts';
import { channelOf } from './integrations.ts';
import {
  mergePairs,
  newNotificationSchema,
  notificationPatchSchema,
  notificationSchema,
  savedNotificationSchema,
  viewNotification,
  viewSaved,
} from './notificationSchemas.ts';
import { listAnswer, listOf, pageRequest, timePaging } from './paging.ts';

const common = { tags: ['Notifications'], security };
const agentParam = z.object({ id: z.string().openapi({ example: 'agt_k3v9x2m8q1w7e5r4t6y0u2i8' }) });
export const notificationIdParam = z.object({ id: z.string().openapi({ example: 'ntf_q1w7e5r4t6y0u2i8k3v9x2m8' }) });
const filters = { integration_id: textFilter, enabled: booleanFilter };

const create = createRoute({
  ...common,
  method: 'post',
  path: '/agents/{id}/notifications',
  summary: 'Bind an integration to an agent',
  description:
    'Holds for every event that is accepted after the answer. An unknown event type is kept, and `warnings` names the nearest known one.',
  request: { params: agentParam, headers: idempotencyHeader, body: jsonBody(newNotificationSchema) },
  responses: { 201: jsonAnswer('The notification', savedNotificationSchema), ...refusals, ...missing, ...conflicting },
});

const listOfAgent = createRoute({
  ...common,
  method: 'get',
  path: '/agents/{id}/notifications',
  summary: "List an agent's notifications, newest first",
  request: { params: agentParam, query: z.strictObject({ ...timePaging, ...filters }) },
  responses: { 200: jsonAnswer('A page of notifications', listOf(notificationSchema)), ...refusals, ...missing },
});

const listAll = createRoute({
  ...common,
  method: 'get',
  path: '/notifications',
  summary: 'List notifications, newest first',
  request: { query: z.strictObject({ ...timePaging, ...filters, agent_id: textFilter }) },
  responses: { 200: jsonAnswer('A page of notifications', listOf(notificationSchema)), ...refusals },
});

const readOne = createRoute({
  ...common,
  method: 'get',
  path: '/notifications/{id}',
  summary: 'Read a notification',
  request: { params: notificationIdParam },
  responses: { 200: jsonAnswer('The notification', notificationSchema), ...refusals, ...missing },
});

const change = createRoute({
  ...common,
  method: 'patch',
  path: '/notifications/{id}',
  summary: 'Change a notification',
  description: 'A given `subscription` replaces the old one; `metadata_filter` is merged. Holds for every event that is accepted after the answer.',
  request: { params: notificationIdParam, body: jsonBody(notificationPatchSchema) },
  responses: { 200: jsonAnswer('The notification', savedNotificationSchema), ...refusals, ...missing },
});

const remove = createRoute({
  ...common,
  method: 'delete',
  path: '/notifications/{id}',
  summary: 'Delete a notification',
  description: 'What was decided before still goes out, and stays in the lists of decisions and deliveries.',
  request: { params: notificationIdParam },
  responses: { 204: { description: 'Deleted' }, ...refusals, ...missing },
});

/** Notifications: which events of an agent go to which integration. */
export function registerNotifications(app: ApiRouter, { db }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...create, middleware: guards.create('admin') }, async (c) => {
    const body = c.req.valid('json');
    const input: NewNotification = {
      agentId: c.req.valid('param').id,
      integrationId: body.integration_id,
      subscription: body.subscription,
      metadataFilter: body.metadata_filter ?? {},
      channel: body.channel ?? null,
      enabled: body.enabled,
    };
    const result = await createNotification(db, c.var.organisationId, input, requireFit);
    return c.json(viewSaved(savedOf(result, input)), 201);
  });

  app.openapi({ ...listOfAgent, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const query = c.req.valid('query');
    if (!(await readAgent(db, c.var.organisationId, id))) throw notFound(`agent '${id}'`);
    const filter = { agentId: id, integrationId: query.integration_id, enabled: query.enabled };
    const page = await listNotifications(db, c.var.organisationId, filter, pageRequest(query));
    return c.json(listAnswer(page, viewNotification), 200);
  });

  app.openapi({ ...listAll, middleware: guards.read('admin') }, async (c) => {
    const query = c.req.valid('query');
    const filter = { agentId: query.agent_id, integrationId: query.integration_id, enabled: query.enabled };
    const page = await listNotifications(db, c.var.organisationId, filter, pageRequest(query));
    return c.json(listAnswer(page, viewNotification), 200);
  });

  app.openapi({ ...readOne, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    return c.json(viewNotification(await requireNotification(db, c.var.organisationId, id)), 200);
  });

  app.openapi({ ...change, middleware: guards.change('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const body = c.req.valid('json');
    const changed = (current: Notification): NewNotification => ({
      agentId: current.agentId,
      integrationId: body.integration_id ?? current.integrationId,
      subscription: body.subscription ?? current.subscription,
      metadataFilter: body.metadata_filter === undefined ? current.metadataFilter : mergePairs(current.metadataFilter, body.metadata_filter),
      channel: body.channel === undefined ? current.channel : body.channel,
      enabled: body.enabled ?? current.enabled,
    });
    const result = await updateNotification(db, c.var.organisationId, id, changed, requireFit);
    return c.json(viewSaved(savedOf(result, { notificationId: id, integrationId: body.integration_id })), 200);
  });

  app.openapi({ ...remove, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    if (!(await deleteNotification(db, c.var.organisationId, id))) throw notFound(`notification '${id}'`);
    return c.body(null, 204);
  });
}

export async function requireNotification(db: Db, organisationId: string, id: string): Promise<Notification> {
  const notification = await readNotification(db, organisationId, id);
  if (!notification) throw notFound(`notification '${id}'`);
  return notification;
}

/** Throws a 400 when the notification asks for something that its integration cannot do. */
function requireFit(integration: Integration, { channel }: NewNotification): void {
  const problem = channelOf(integration.type).channelProblem(integration.config, channel);
  if (problem !== undefined) throw badRequest('channel', `channel: ${problem}`);
}

function savedOf(result: NotificationSaved, named: { notificationId?: string; agentId?: string; integrationId?: string }): Notification {
  if (result.outcome === 'saved') return result.notification;
  throw {
    unknown_notification: () => notFound(`notification '${named.notificationId}'`),
    unknown_agent: () => notFound(`agent '${named.agentId}'`),
    unknown_integration: () => notFound(`integration '${named.integrationId}'`),
    too_many: () => conflict(`The agent has ${MAX_NOTIFICATIONS_PER_AGENT} notifications, which is the limit. Delete one first.`),
  }[result.outcome]();
}
