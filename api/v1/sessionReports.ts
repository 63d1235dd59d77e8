import { type RouteConfig, z } from '@hono/zod-openapi';
import { findAgent } from '../../store/agents.ts';
import { sessionUrl } from '../agentops/answers.ts';
import { createSession } from '../agentops/createSession.ts';
import { storeEvents } from '../agentops/eventRoutes.ts';
import { check, eventsSchema, isObject, sessionSchema } from '../agentops/schemas.ts';
import { readSessionReport, sessionField } from '../agentops/sessionReport.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { parseJson } from '../json.ts';
import { sessionInTemporalUi } from '../links.ts';
import { Problem } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { timeoutsInput } from '../timeouts.ts';
import { conflicting, idempotencyHeader, jsonAnswer, missing, oversized, refusals } from './answers.ts';
import { type Guards, security } from './guard.ts';
import { sessionIdParam } from './sessions.ts';

const reportedSchema = z
  .object({
    id: z.string().openapi({ example: '550e8400-e29b-41d4-a716-446655440000' }),
    created: z.boolean().openapi({ description: 'False when the session existed: absent fields were filled' }),
    url: z.string().openapi({ description: 'Leads to the session in the Temporal UI', example: 'http://localhost:3000/sessions/550e8400-e29b-41d4-a716-446655440000' }),
    temporal_ui_url: z.string().nullable().openapi({ example: null }),
  })
  .openapi('ReportedSession');

const startRoute: RouteConfig = {
  tags: ['Sessions'],
  security,
  method: 'post',
  path: '/sessions',
  summary: 'Start a session',
  description:
    "AgentOps' create_session with an API key alone. Repeating it fills absent fields. " +
    'Without `agent_id` or `agent_name` the session belongs to the default agent of the API key.',
  request: {
    headers: idempotencyHeader,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: sessionSchema,
          example: { id: '550e8400-e29b-41d4-a716-446655440000', agent_name: 'order-processing', tags: ['environment:production'] },
        },
      },
    },
  },
  responses: { 200: jsonAnswer('It existed', reportedSchema), 201: jsonAnswer('Created', reportedSchema), ...refusals, ...missing, ...conflicting, ...oversized },
};

const storedSchema = z.object({
  stored: z.int().openapi({ description: 'Events that are new, those included that follow from others', example: 2 }),
  duplicates: z.int().openapi({ description: 'Events whose id was stored before', example: 0 }),
});

const eventsRoute: RouteConfig = {
  tags: ['Sessions'],
  security,
  method: 'post',
  path: '/sessions/{id}/events',
  summary: 'Report events',
  description:
    "AgentOps' create_events with an API key alone: a list under `events`, or one event. An event's `type` is an AgentOps kind " +
    '(llm, tool, action, api, error) or an event type: ExecutionFailed ends the session as failed, any other name is a custom event.',
  request: {
    params: sessionIdParam,
    headers: idempotencyHeader,
    body: {
      required: true,
      content: {
        'application/json': { schema: eventsSchema, example: { events: [{ type: 'ExecutionFailed', reason: 'Payment gateway timeout' }] } },
      },
    },
  },
  responses: { 200: jsonAnswer('Durably stored', storedSchema), ...refusals, ...missing, ...conflicting, ...oversized },
};

/** Reporting with an API key alone. Bodies are checked by the AgentOps handlers, so the schemas go to the documentation only. */
export function registerSessionReports(app: ApiRouter, deps: ApiDependencies, guards: Guards): void {
  const report = guards.create('ingest');
  app.openAPIRegistry.registerPath(startRoute);
  app.post('/sessions', ...report, async (c) => {
    const { organisationId, apiKey } = c.var;
    const body = parseJson(await c.req.text());
    requireTimeouts(body);
    await requireKnownAgent(deps, organisationId, body);
    const { id, created } = await createSession(deps, apiKey, body);
    const { settings } = deps;
    const temporalUiUrl = sessionInTemporalUi(settings, organisationId, id);
    return c.json({ id, created, url: sessionUrl(settings.publicUrl, id), temporal_ui_url: temporalUiUrl }, created ? 201 : 200);
  });

  app.openAPIRegistry.registerPath(eventsRoute);
  app.post('/sessions/:id/events', ...report, async (c) => {
    const text = await c.req.text();
    const session = { organisationId: c.var.organisationId, sessionId: c.req.param('id') };
    const { stored, duplicates } = await storeEvents(deps, session, parseJson(text), Buffer.byteLength(text));
    return c.json({ stored, duplicates }, 200);
  });
}

/** Here a mistake in them is told; AgentOps' routes keep what they cannot read. */
function requireTimeouts(body: Parameters<typeof readSessionReport>[0]): void {
  const session = isObject(body) && isObject(body.session) ? body.session : body;
  if (isObject(session) && session.timeouts !== undefined) check(timeoutsInput, session.timeouts, sessionField(body, 'timeouts').split('.'));
}

/** Ids of agents are Herald's own here. One that comes with a name may be the reporter's own, as in AgentOps. */
async function requireKnownAgent({ db }: ApiDependencies, organisationId: string, body: Parameters<typeof readSessionReport>[0]): Promise<void> {
  const { agent } = readSessionReport(body);
  if (agent?.id === undefined || agent.name !== undefined || (await findAgent(db, organisationId, agent.id))) return;
  const field = sessionField(body, 'agent_id');
  throw new Problem({
    status: 404,
    type: 'not-found',
    title: 'Not found',
    detail: `${field}: there is no agent '${agent.id}' in this organisation. Create it at /v1/agents, or send agent_name.`,
    field,
  });
}
