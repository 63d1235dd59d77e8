import { createRoute, z } from '@hono/zod-openapi';
import type { Db } from '../../store/database.ts';
import { listDeliveries } from '../../store/deliveries.ts';
import { listDecisions, listEvents } from '../../store/sessionLog.ts';
import { findSessionKey, listSessions, readSession } from '../../store/sessions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { jsonAnswer, missing, refusals } from './answers.ts';
import { deliveryFilterOf, deliveryFilters } from './deliveries.ts';
import { deliverySchema, viewDelivery } from './deliverySchemas.ts';
import { eventTypeName, instantFilter, metadataFilter, textFilter } from './filters.ts';
import { type Guards, security } from './guard.ts';
import { listAnswer, listOf, numberPaging, pageRequest, timePaging } from './paging.ts';
import {
  decisionSchema,
  eventSchema,
  sessionDetailSchema,
  sessionSchema,
  sessionStatuses,
  viewDecision,
  viewEvent,
  viewSession,
  viewSessionDetail,
} from './sessionSchemas.ts';

const common = { tags: ['Sessions'], security };
export const sessionIdParam = z.object({ id: z.string().openapi({ example: '550e8400-e29b-41d4-a716-446655440000' }) });
const decisions = ['sent', 'skipped'] as const;

const listAll = createRoute({
  ...common,
  method: 'get',
  path: '/sessions',
  summary: 'List sessions, newest first',
  request: {
    query: z.strictObject({
      ...numberPaging,
      status: z.enum(sessionStatuses, `must be one of: ${sessionStatuses.join(', ')}`).optional(),
      agent_id: textFilter,
      tag: textFilter,
      metadata: metadataFilter,
      created_after: instantFilter,
      created_before: instantFilter,
    }),
  },
  responses: { 200: jsonAnswer('A page of sessions', listOf(sessionSchema)), ...refusals },
});

const readOne = createRoute({
  ...common,
  method: 'get',
  path: '/sessions/{id}',
  summary: 'Read a session',
  request: { params: sessionIdParam },
  responses: { 200: jsonAnswer('The session', sessionDetailSchema), ...refusals, ...missing },
});

const listItsEvents = createRoute({
  ...common,
  method: 'get',
  path: '/sessions/{id}/events',
  summary: "List a session's events, newest first",
  request: { params: sessionIdParam, query: z.strictObject({ ...numberPaging, type: eventTypeName.optional(), event_id: textFilter }) },
  responses: { 200: jsonAnswer('A page of events', listOf(eventSchema)), ...refusals, ...missing },
});

const listItsDecisions = createRoute({
  ...common,
  method: 'get',
  path: '/sessions/{id}/decisions',
  summary: "List what was decided for a session's events, newest event first",
  description:
    'One entry for each event and notification: sent, or skipped and why. ' +
    '`limit` counts events, so a page has as many entries as their notifications; with filters it may have fewer than events, or none.',
  request: {
    params: sessionIdParam,
    query: z.strictObject({
      ...numberPaging,
      event_id: textFilter,
      notification_id: textFilter,
      decision: z.enum(decisions, `must be one of: ${decisions.join(', ')}`).optional(),
    }),
  },
  responses: { 200: jsonAnswer('A page of decisions', listOf(decisionSchema)), ...refusals, ...missing },
});

const listItsDeliveries = createRoute({
  ...common,
  method: 'get',
  path: '/sessions/{id}/deliveries',
  summary: "List a session's deliveries, newest first",
  request: { params: sessionIdParam, query: z.strictObject({ ...timePaging, ...deliveryFilters }) },
  responses: { 200: jsonAnswer('A page of deliveries', listOf(deliverySchema)), ...refusals, ...missing },
});

/** Sessions: what agents reported, what was decided and what was sent. */
export function registerSessions(app: ApiRouter, { db, settings }: ApiDependencies, guards: Guards): void {
  const middleware = guards.read('admin');

  app.openapi({ ...listAll, middleware }, async (c) => {
    const { organisationId } = c.var;
    const query = c.req.valid('query');
    const filter = {
      status: query.status,
      agentId: query.agent_id,
      tag: query.tag,
      metadata: query.metadata,
      createdAfter: query.created_after,
      createdBefore: query.created_before,
    };
    const page = await listSessions(db, organisationId, filter, pageRequest(query));
    return c.json(listAnswer(page, (session) => viewSession(session, settings, organisationId)), 200);
  });

  app.openapi({ ...readOne, middleware }, async (c) => {
    const { organisationId } = c.var;
    const { id } = c.req.valid('param');
    const session = await readSession(db, organisationId, id);
    if (!session) throw notFound(`session '${id}'`);
    return c.json(viewSessionDetail(session, settings, organisationId), 200);
  });

  app.openapi({ ...listItsEvents, middleware }, async (c) => {
    const query = c.req.valid('query');
    const key = await requireSession(db, c.var.organisationId, c.req.valid('param').id);
    const page = await listEvents(db, key, { type: query.type, id: query.event_id }, pageRequest(query));
    return c.json(listAnswer(page, viewEvent), 200);
  });

  app.openapi({ ...listItsDecisions, middleware }, async (c) => {
    const query = c.req.valid('query');
    const key = await requireSession(db, c.var.organisationId, c.req.valid('param').id);
    const filter = { eventId: query.event_id, notificationId: query.notification_id, decision: query.decision };
    const answer = listAnswer(await listDecisions(db, key, filter, pageRequest(query)), (event) => event.map(viewDecision));
    return c.json({ ...answer, data: answer.data.flat() }, 200);
  });

  app.openapi({ ...listItsDeliveries, middleware }, async (c) => {
    const query = c.req.valid('query');
    const { id } = c.req.valid('param');
    await requireSession(db, c.var.organisationId, id);
    const filter = deliveryFilterOf({ ...query, session_id: id });
    const page = await listDeliveries(db, c.var.organisationId, filter, pageRequest(query));
    return c.json(listAnswer(page, viewDelivery), 200);
  });
}

async function requireSession(db: Db, organisationId: string, id: string): Promise<number> {
  const key = await findSessionKey(db, organisationId, id);
  if (key === undefined) throw notFound(`session '${id}'`);
  return key;
}
