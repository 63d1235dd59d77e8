import { createRoute, z } from '@hono/zod-openapi';
import { type Agent, createAgent, deleteAgent, listAgents, readAgent, renameAgent } from '../../store/agents.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { conflict, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { shortText } from '../schemas.ts';
import { conflicting, idempotencyHeader, instant, jsonAnswer, jsonBody, missing, refusals } from './answers.ts';
import { textFilter } from './filters.ts';
import { type Guards, security } from './guard.ts';
import { listAnswer, listOf, pageRequest, timePaging } from './paging.ts';

const agentSchema = z
  .object({
    id: z.string().openapi({ example: 'agt_k3v9x2m8q1w7e5r4t6y0u2i8' }),
    name: z.string().openapi({ example: 'order-processing' }),
    created_at: instant,
    updated_at: instant,
  })
  .openapi('Agent');

const agentBody = z.strictObject({
  name: z.string().trim().pipe(shortText(255)).openapi({
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description: 'Unique within the organisation: sessions that report this name belong to this agent',
    example: 'order-processing',
  }),
});

const idParam = z.object({ id: z.string().openapi({ example: 'agt_k3v9x2m8q1w7e5r4t6y0u2i8' }) });
const common = { tags: ['Agents'], security };

const create = createRoute({
  ...common,
  method: 'post',
  path: '/agents',
  summary: 'Create an agent',
  description: 'A second agent of the same name is refused with 409; `existing_id` is the id of the first.',
  request: { headers: idempotencyHeader, body: jsonBody(agentBody) },
  responses: { 201: jsonAnswer('The agent', agentSchema), ...refusals, ...conflicting },
});

const listAll = createRoute({
  ...common,
  method: 'get',
  path: '/agents',
  summary: 'List agents, newest first',
  request: { query: z.strictObject({ ...timePaging, name: textFilter }) },
  responses: { 200: jsonAnswer('A page of agents', listOf(agentSchema)), ...refusals },
});

const readOne = createRoute({
  ...common,
  method: 'get',
  path: '/agents/{id}',
  summary: 'Read an agent',
  request: { params: idParam },
  responses: { 200: jsonAnswer('The agent', agentSchema), ...refusals, ...missing },
});

const change = createRoute({
  ...common,
  method: 'patch',
  path: '/agents/{id}',
  summary: 'Rename an agent',
  request: { params: idParam, body: jsonBody(agentBody.partial()) },
  responses: { 200: jsonAnswer('The agent', agentSchema), ...refusals, ...missing, ...conflicting },
});

const remove = createRoute({
  ...common,
  method: 'delete',
  path: '/agents/{id}',
  summary: 'Delete an agent',
  description:
    'Its notifications go with it, and API keys that had it as default agent lose that default. ' +
    'Deliveries that were decided before still go out. A later session that names it makes a new agent.',
  request: { params: idParam },
  responses: { 204: { description: 'Deleted' }, ...refusals, ...missing },
});

/** Agents: whose events are routed. One is also made the first time a session names it. */
export function registerAgents(app: ApiRouter, { db }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...create, middleware: guards.create('admin') }, async (c) => {
    const { name } = c.req.valid('json');
    const result = await createAgent(db, c.var.organisationId, name);
    if (result.outcome === 'exists') throw nameTaken(name, result.existingId);
    return c.json(viewAgent(result.agent), 201);
  });

  app.openapi({ ...listAll, middleware: guards.read('admin') }, async (c) => {
    const query = c.req.valid('query');
    const page = await listAgents(db, c.var.organisationId, { name: query.name }, pageRequest(query));
    return c.json(listAnswer(page, viewAgent), 200);
  });

  app.openapi({ ...readOne, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const agent = await readAgent(db, c.var.organisationId, id);
    if (!agent) throw notFound(`agent '${id}'`);
    return c.json(viewAgent(agent), 200);
  });

  app.openapi({ ...change, middleware: guards.change('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const { name } = c.req.valid('json');
    const agent = name === undefined ? await readAgent(db, c.var.organisationId, id) : await rename(c.var.organisationId, id, name);
    if (!agent) throw notFound(`agent '${id}'`);
    return c.json(viewAgent(agent), 200);
  });

  app.openapi({ ...remove, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    if (!(await deleteAgent(db, c.var.organisationId, id))) throw notFound(`agent '${id}'`);
    return c.body(null, 204);
  });

  async function rename(organisationId: string, id: string, name: string): Promise<Agent | undefined> {
    const result = await renameAgent(db, organisationId, id, name);
    if (result.outcome === 'exists') throw nameTaken(name, result.existingId);
    return result.outcome === 'renamed' ? result.agent : undefined;
  }
}

function viewAgent(agent: Agent): z.infer<typeof agentSchema> {
  return {
    id: agent.id,
    name: agent.name,
    created_at: agent.createdAt.toISOString(),
    updated_at: agent.updatedAt.toISOString(),
  };
}

function nameTaken(name: string, existingId: string) {
  return conflict(`There is already an agent named '${name}': ${existingId}.`, { existing_id: existingId });
}
