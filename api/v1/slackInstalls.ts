import { createRoute, z } from '@hono/zod-openapi';
import { channels } from '../../activities/channels/index.ts';
import { readIntegration } from '../../store/integrations.ts';
import { createSlackInstall } from '../../store/slackInstalls.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { badRequest, conflict, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { shortText } from '../schemas.ts';
import { slackAppOf } from '../slack/provider.ts';
import { conflicting, idempotencyHeader, instant, jsonAnswer, missing, refusals } from './answers.ts';
import { type Guards, security } from './guard.ts';

const installSchema = z.strictObject({
  name: z.string().trim().pipe(shortText(255)).optional().openapi({ type: 'string', description: 'Of the new integration. Default: Slack', example: 'operations-alerts' }),
  integration_id: z.string().optional().openapi({ description: 'A Slack integration that is to get the new token, instead of a new one' }),
  channel: z
    .string()
    .trim()
    .superRefine((channel, context) => {
      const problem = channels.slack?.channelProblem({}, channel);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .optional()
    .openapi({ type: 'string', description: 'Where messages go unless a notification chooses another channel', example: '#operations-alerts' }),
});

const startedSchema = z.object({
  url: z.string().openapi({ description: 'To be opened in a browser by somebody who may install apps in the workspace', example: 'https://herald.example.com/slack/install?ticket=…' }),
  expires_at: instant,
});

const start = createRoute({
  tags: ['Integrations'],
  security,
  method: 'post',
  path: '/slack/installs',
  summary: 'Install the Slack app with a click',
  description: 'Answers a link that counts once, for an hour. When the app is allowed in Slack, the integration is there, or has its new token.',
  request: {
    headers: idempotencyHeader,
    body: { content: { 'application/json': { schema: installSchema } }, description: 'All of it may be left out' },
  },
  responses: { 201: jsonAnswer('Begun', startedSchema), ...refusals, ...missing, ...conflicting },
});

export function registerSlackInstalls(app: ApiRouter, { db, settings }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...start, middleware: guards.create('admin') }, async (c) => {
    const { name = 'Slack', integration_id: integrationId = null, channel = null } = c.req.valid('json');
    const { organisationId } = c.var;
    if (!slackAppOf(settings)) throw conflict('This Herald has no Slack app to install. Set HERALD_SLACK_CLIENT_ID and HERALD_SLACK_CLIENT_SECRET, or give an integration a bot_token.');
    if (integrationId !== null) {
      const integration = await readIntegration(db, organisationId, integrationId);
      if (!integration) throw notFound(`integration '${integrationId}'`);
      if (integration.type !== 'slack') throw badRequest('integration_id', `integration_id: '${integrationId}' is of the type ${integration.type}, not slack`);
    }
    const { ticket, expiresAt } = await createSlackInstall(db, { organisationId, integrationId, name, channel });
    return c.json({ url: `${settings.publicUrl}/slack/install?ticket=${ticket}`, expires_at: expiresAt.toISOString() }, 201);
  });
}
