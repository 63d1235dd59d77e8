import { createRoute, z } from '@hono/zod-openapi';
import { listDeliveries, readDelivery } from '../../store/deliveries.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { jsonAnswer, missing, refusals } from './answers.ts';
import { deliveryDetailSchema, deliverySchema, deliveryStatuses, viewAttempt, viewDelivery } from './deliverySchemas.ts';
import { booleanFilter, eventTypeName, instantFilter, textFilter } from './filters.ts';
import { type Guards, security } from './guard.ts';
import { listAnswer, listOf, pageRequest, timePaging } from './paging.ts';

/** Filters that any list of deliveries has. */
export const deliveryFilters = {
  status: z.enum(deliveryStatuses, `must be one of: ${deliveryStatuses.join(', ')}`).optional(),
  agent_id: textFilter,
  integration_id: textFilter,
  notification_id: textFilter,
  event_id: textFilter,
  event_type: eventTypeName.optional(),
  test: booleanFilter,
  created_after: instantFilter,
  created_before: instantFilter,
};

export const deliveryIdParam = z.object({ id: z.string().openapi({ example: 'dlv_m8q1w7e5r4t6y0u2i8k3v9x2' }) });

const listAll = createRoute({
  tags: ['Deliveries'],
  security,
  method: 'get',
  path: '/deliveries',
  summary: 'List deliveries, newest first',
  request: { query: z.strictObject({ ...timePaging, ...deliveryFilters, session_id: textFilter, replay_id: textFilter }) },
  responses: { 200: jsonAnswer('A page of deliveries', listOf(deliverySchema)), ...refusals },
});

const readOne = createRoute({
  tags: ['Deliveries'],
  security,
  method: 'get',
  path: '/deliveries/{id}',
  summary: 'Read a delivery and every attempt at it',
  request: { params: deliveryIdParam },
  responses: { 200: jsonAnswer('The delivery', deliveryDetailSchema), ...refusals, ...missing },
});

/** Deliveries: what was sent where, and what came of it. */
export function registerDeliveries(app: ApiRouter, { db }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...listAll, middleware: guards.read('admin') }, async (c) => {
    const query = c.req.valid('query');
    const page = await listDeliveries(db, c.var.organisationId, deliveryFilterOf(query), pageRequest(query));
    return c.json(listAnswer(page, viewDelivery), 200);
  });

  app.openapi({ ...readOne, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const delivery = await readDelivery(db, c.var.organisationId, id);
    if (!delivery) throw notFound(`delivery '${id}'`);
    return c.json({ ...viewDelivery(delivery), attempts: delivery.attempts.map(viewAttempt) }, 200);
  });
}

type DeliveryQuery = z.output<z.ZodObject<typeof deliveryFilters>> & { session_id?: string; replay_id?: string };

/** The query parameters as the store wants them. */
export function deliveryFilterOf(query: DeliveryQuery) {
  return {
    status: query.status,
    sessionId: query.session_id,
    agentId: query.agent_id,
    integrationId: query.integration_id,
    notificationId: query.notification_id,
    eventId: query.event_id,
    eventType: query.event_type,
    test: query.test,
    replayId: query.replay_id,
    createdAfter: query.created_after,
    createdBefore: query.created_before,
  };
}
