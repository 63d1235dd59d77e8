import { createRoute, z } from '@hono/zod-openapi';
import { updateIntegration } from '../../store/integrations.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { conflict, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { conflicting, idempotencyHeader, instant, jsonAnswer, missing, refusals } from './answers.ts';
import { type Guards, security } from './guard.ts';
import { channelOf, integrationIdParam } from './integrations.ts';
import { createdIntegrationSchema, viewIntegration } from './integrationSchemas.ts';

const DAY_S = 24 * 3600;
const LONGEST_S = 30 * DAY_S;
const RANGE = `must be a whole number of seconds from 0 to ${LONGEST_S}`;

const rotationSchema = z.strictObject({
  overlap_s: z.int(RANGE).min(0, RANGE).max(LONGEST_S, RANGE).default(DAY_S).openapi({
    description: 'For so many seconds messages carry the signatures of the old secrets, too. 0: at once the new one alone, for a secret that leaked',
    example: DAY_S,
  }),
});

const rotatedSchema = createdIntegrationSchema.extend({
  previous_secret_until: instant.openapi({ description: 'From then on the secret before this one signs nothing' }),
});

const rotate = createRoute({
  tags: ['Integrations'],
  security,
  method: 'post',
  path: '/integrations/{id}/rotate-secret',
  summary: 'Replace the signing secret of a webhook',
  description: 'Makes a new secret. During the overlap every message is signed with the new and the old one, so that the endpoint can change over at leisure.',
  request: {
    params: integrationIdParam,
    headers: idempotencyHeader,
    body: { content: { 'application/json': { schema: rotationSchema } }, description: 'Without a body, the overlap is 24 hours' },
  },
  responses: { 200: jsonAnswer('The integration; `secret` is shown only here', rotatedSchema), ...refusals, ...missing, ...conflicting },
});

export function registerRotateSecret(app: ApiRouter, { db, secrets }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...rotate, middleware: guards.create('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const overlapMs = (c.req.valid('json').overlap_s ?? DAY_S) * 1000;
    const now = new Date();
    let secret: string | undefined;
    const integration = await updateIntegration(db, c.var.organisationId, id, (current) => {
      const channel = channelOf(current.type);
      if (!channel.rotateSecret) throw conflict(`The integration '${id}' is of the type ${current.type}, which signs nothing. Only webhooks have a signing secret.`);
      const rotated = channel.rotateSecret(secrets.open(current.secrets), now, overlapMs);
      secret = channel.newSecret(rotated);
      return { secrets: secrets.seal(rotated) };
    });
    if (!integration) throw notFound(`integration '${id}'`);
    const previous = new Date(now.getTime() + overlapMs).toISOString();
    return c.json({ ...viewIntegration(integration), secret, previous_secret_until: previous }, 200);
  });
}
