import { stringify } from 'yaml';
import type { ApiDependencies } from './dependencies.ts';
import { renderDocs, type OpenApiDocument } from './docs.ts';
import type { ApiRouter } from './router.ts';

const DESCRIPTION = `Herald turns what your agents report into Slack messages and webhooks.

Agents report over the AgentOps API (\`/v2\`, and the same routes without prefix). Everything else is under \`/v1\`
and takes \`Authorization: Bearer <API key>\` or \`X-Agentops-Api-Key\`.`;

/** Serves the description of every route registered so far: as JSON, as YAML (where AgentOps has it) and as a page. */
export function registerDocs(app: ApiRouter, { settings }: Pick<ApiDependencies, 'settings'>): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', { type: 'apiKey', in: 'header', name: 'X-Agentops-Api-Key' });
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearerKey', { type: 'http', scheme: 'bearer', description: 'The API key' });
  app.openAPIRegistry.registerComponent('securitySchemes', 'sessionToken', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The jwt that create_session answered',
  });
  const describe = once(
    (): OpenApiDocument =>
      app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: { title: 'Herald', version: '1', description: DESCRIPTION },
        servers: [{ url: settings.publicUrl }],
      }),
  );
  const asJson = once(() => JSON.stringify(describe()));
  const asYaml = once(() => stringify(describe(), { aliasDuplicateObjects: false }));
  const asPage = once(() => renderDocs(describe()));

  app.get('/openapi.json', (c) => c.body(asJson(), 200, { 'Content-Type': 'application/json' }));
  app.get('/openapi.yaml', (c) => c.body(asYaml(), 200, { 'Content-Type': 'application/yaml' }));
  app.get('/v2/openapi.yaml', (c) => c.body(asYaml(), 200, { 'Content-Type': 'application/yaml' }));
  app.get('/docs', (c) => c.html(asPage()));
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
