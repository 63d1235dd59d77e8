import { createRoute, z } from '@hono/zod-openapi';
import { changeOrganisation, type Organisation, readOrganisation } from '../../store/organisations.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { ApiRouter } from '../router.ts';
import { timeoutsInput, timeoutsOf, timeoutsSchema, viewTimeouts } from '../timeouts.ts';
import { instant, jsonAnswer, jsonBody, refusals } from './answers.ts';
import { type Guards, security } from './guard.ts';

const common = { tags: ['Organisation'], security, path: '/organisation' };

const organisationSchema = z
  .object({
    id: z.string().openapi({ example: '5f0c1c0a-6f6e-4e0a-9a53-0f9d5d1c7f0e' }),
    name: z.string().openapi({ example: 'Acme' }),
    timeouts: timeoutsSchema.openapi({ description: 'Of sessions that set none themselves' }),
    created_at: instant,
  })
  .openapi('Organisation');

const read = createRoute({
  ...common,
  method: 'get',
  summary: "Read the API key's organisation",
  responses: { 200: jsonAnswer('The organisation', organisationSchema), ...refusals },
});

const change = createRoute({
  ...common,
  method: 'patch',
  summary: "Change the timeouts of the organisation's sessions",
  description: 'For sessions that start from now on. Those that run keep theirs: see PATCH /v1/sessions/{id}.',
  request: { body: jsonBody(z.strictObject({ timeouts: timeoutsInput.optional() })) },
  responses: { 200: jsonAnswer('The organisation', organisationSchema), ...refusals },
});

/** The caller's organisation and what holds for all of its sessions. */
export function registerOrganisation(app: ApiRouter, { db }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...read, middleware: guards.read('admin') }, async (c) => {
    return c.json(viewOrganisation(await readOrganisation(db, c.var.organisationId)), 200);
  });

  app.openapi({ ...change, middleware: guards.change('admin') }, async (c) => {
    const timeouts = timeoutsOf(c.req.valid('json').timeouts ?? {});
    return c.json(viewOrganisation(await changeOrganisation(db, c.var.organisationId, { timeouts })), 200);
  });
}

function viewOrganisation({ id, name, timeouts, createdAt }: Organisation): z.infer<typeof organisationSchema> {
  return { id, name, timeouts: viewTimeouts(timeouts), created_at: createdAt.toISOString() };
}
