import type { ApiDependencies } from '../dependencies.ts';
import { createRouter, type ApiRouter } from '../router.ts';
import { createEventsRoute, updateEventsRoute } from './eventRoutes.ts';
import { createAgentRoute, createThreadRoute, developerErrorsRoute } from './otherRoutes.ts';
import type { AgentopsRoute } from './route.ts';
import { errorSchema } from './schemas.ts';
import { createSessionRoute, reauthorizeRoute, updateSessionRoute } from './sessionRoutes.ts';

const routes = [
  createSessionRoute,
  updateSessionRoute,
  reauthorizeRoute,
  createEventsRoute,
  updateEventsRoute,
  createAgentRoute,
  createThreadRoute,
  developerErrorsRoute,
];

/** The routes of the AgentOps REST API (seeds/agentops-rest-api.txt), unprefixed and under /v2. */
export function createAgentops(deps: ApiDependencies): ApiRouter {
  const router = createRouter();
  for (const route of routes.map((create) => create(deps))) {
    for (const path of route.paths) {
      for (const prefix of ['/v2', '']) {
        describe(router, route, prefix + path);
        router.post(prefix + path, (c) => route.handle(c));
      }
    }
  }
  return router;
}

/** Bodies have several spellings and are checked by the handlers, so the schemas go to the documentation only. */
function describe(router: ApiRouter, route: AgentopsRoute, path: string): void {
  router.openAPIRegistry.registerPath({
    method: 'post',
    path,
    tags: [path.startsWith('/v2/') ? 'AgentOps' : 'AgentOps, without prefix'],
    summary: route.summary,
    description: route.description,
    security: route.security === 'key' ? [{ apiKey: [] }] : [{ sessionToken: [] }],
    request: { body: { required: true, content: { 'application/json': { schema: route.body, example: route.example } } } },
    responses: {
      200: { description: 'Stored', content: { 'application/json': { schema: route.answer } } },
      400: error('The body cannot be read; the message names the field'),
      401: error('No valid key or token'),
      403: error('The body names another session than the token, or the key lacks the scope'),
      404: error('No such session or event'),
      413: error('Larger than the limits allow'),
    },
  });
}

function error(description: string) {
  return { description, content: { 'application/json': { schema: errorSchema } } };
}
