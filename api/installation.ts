import { createRoute, z } from '@hono/zod-openapi';
import type { Db } from '../store/database.ts';
import { organisationsWithSession, ping } from '../store/sessionLookup.ts';
import type { ApiDependencies, ApiSettings } from './dependencies.ts';
import { sessionInTemporalUi } from './links.ts';
import { notFound } from './problems.ts';
import type { ApiRouter } from './router.ts';
import { isStorable } from './schemas.ts';

const POSTGRES_TIMEOUT_MS = 2000;
/** Short, because probes wait for it although it decides nothing. */
const TEMPORAL_TIMEOUT_MS = 500;

const addresses = createRoute({
  method: 'get',
  path: '/',
  tags: ['Installation'],
  summary: 'Where everything is',
  responses: {
    200: {
      description: 'The addresses of this installation',
      content: {
        'application/json': {
          schema: z.object({
            name: z.literal('herald'),
            api: z.string(),
            agentops_api: z.string(),
            docs: z.string(),
            openapi: z.string(),
            temporal_ui: z.string().nullable(),
          }),
        },
      },
    },
  },
});

const healthz = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['Installation'],
  summary: 'Whether the process is alive',
  responses: {
    200: { description: 'It is', content: { 'application/json': { schema: z.object({ status: z.literal('ok') }) } } },
  },
});

const readiness = z.object({ status: z.enum(['ready', 'not_ready']), postgres: z.boolean(), temporal: z.boolean() });

const readyz = createRoute({
  method: 'get',
  path: '/readyz',
  tags: ['Installation'],
  summary: 'Whether requests can be answered',
  description: 'Postgres decides. Without Temporal nothing is refused: notifications go out when it is back.',
  responses: {
    200: { description: 'Ready', content: { 'application/json': { schema: readiness } } },
    503: { description: 'Postgres cannot be reached', content: { 'application/json': { schema: readiness } } },
  },
});

const sessionPage = createRoute({
  method: 'get',
  path: '/sessions/{id}',
  tags: ['Installation'],
  summary: 'The session in the Temporal UI',
  request: { params: z.object({ id: z.string() }) },
  responses: {
    302: { description: 'To the Temporal UI' },
    404: { description: 'No such session, or several organisations have one of this id' },
  },
});

/** What is there without a key: addresses, health, and the way from a session's link to the Temporal UI. */
export function registerInstallation(app: ApiRouter, { db, settings, temporal }: ApiDependencies): void {
  app.openapi(addresses, (c) =>
    c.json(
      {
        name: 'herald' as const,
        api: `${settings.publicUrl}/v1`,
        agentops_api: `${settings.publicUrl}/v2`,
        docs: `${settings.publicUrl}/docs`,
        openapi: `${settings.publicUrl}/openapi.json`,
        temporal_ui: settings.temporalUiUrl ?? null,
      },
      200,
    ),
  );
  app.openapi(healthz, (c) => c.json({ status: 'ok' as const }, 200));
  app.openapi(readyz, async (c) => {
    const [postgres, temporalAnswers] = await Promise.all([
      answers(ping(db), POSTGRES_TIMEOUT_MS),
      answers(temporal()?.workflowService.getSystemInfo({}), TEMPORAL_TIMEOUT_MS),
    ]);
    const body = { status: postgres ? ('ready' as const) : ('not_ready' as const), postgres, temporal: temporalAnswers };
    return c.json(body, postgres ? 200 : 503);
  });
  app.openapi(sessionPage, async (c) => {
    const { id } = c.req.valid('param');
    return c.redirect(temporalUrl(settings, await organisationOf(db, id), id), 302);
  });
}

/** Session ids are unique within an organisation only, and a browser brings no key. */
async function organisationOf(db: Db, sessionId: string): Promise<string> {
  const [organisationId, another] = isStorable(sessionId) ? await organisationsWithSession(db, sessionId) : [];
  if (another) throw notFound('session', `Several organisations have a session '${sessionId}'. Search for it in the Temporal UI.`);
  if (!organisationId) throw notFound('session', `There is no session '${sessionId}'.`);
  return organisationId;
}

function temporalUrl(settings: ApiSettings, organisationId: string, sessionId: string): string {
  const url = sessionInTemporalUi(settings, organisationId, sessionId);
  if (url === null) throw notFound('Temporal UI', 'No Temporal UI is configured. Set TEMPORAL_UI_URL.');
  return url;
}

async function answers(request: Promise<unknown> | undefined, withinMs: number): Promise<boolean> {
  if (!request) return false;
  const inTime = new Promise<boolean>((resolve) => {
    setTimeout(resolve, withinMs, false).unref();
  });
  return Promise.race([request.then(() => true, () => false), inTime]);
}
