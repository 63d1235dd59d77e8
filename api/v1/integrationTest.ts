import { createRoute, z } from '@hono/zod-openapi';
import { createTestDelivery, readDelivery } from '../../store/deliveries.ts';
import { readIntegration } from '../../store/integrations.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { patiently } from '../patience.ts';
import { notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { conflicting, idempotencyHeader, jsonAnswer, missing, refusals } from './answers.ts';
import { deliverySchema, viewDelivery } from './deliverySchemas.ts';
import { examplePayload } from './exampleEvents.ts';
import { eventTypeName } from './filters.ts';
import { type Guards, security } from './guard.ts';
import { integrationIdParam } from './integrations.ts';

const DEFAULT_TYPE = 'ExecutionCompleted';

const testSchema = z.strictObject({ event_type: eventTypeName.optional() });

const testedSchema = deliverySchema.extend({
  url: z.string().openapi({ description: 'Where to read what became of it', example: 'http://localhost:3000/v1/deliveries/dlv_m8q1w7e5r4t6y0u2i8k3v9x2' }),
});

const testIntegration = createRoute({
  tags: ['Integrations'],
  security,
  method: 'post',
  path: '/integrations/{id}/test',
  summary: 'Send a test message',
  description:
    'Sends an example of the event type, marked as a test wherever it shows, with the retries of any other delivery. ' +
    'Works on a disabled integration, too: to see whether it may be enabled again.',
  request: {
    params: integrationIdParam,
    headers: idempotencyHeader,
    body: {
      content: { 'application/json': { schema: testSchema.openapi({ example: { event_type: 'ExecutionFailed' } }) } },
      description: `Without a body, an ${DEFAULT_TYPE} is sent`,
    },
  },
  responses: { 202: jsonAnswer('On its way', testedSchema), ...refusals, ...missing, ...conflicting },
});

export function registerIntegrationTest(app: ApiRouter, deps: ApiDependencies, guards: Guards): void {
  const { db, settings, startDelivery, log } = deps;
  app.openapi({ ...testIntegration, middleware: guards.create('admin') }, async (c) => {
    const { id: integrationId } = c.req.valid('param');
    const { organisationId } = c.var;
    if (!(await readIntegration(db, organisationId, integrationId))) throw notFound(`integration '${integrationId}'`);
    const eventType = c.req.valid('json').event_type ?? DEFAULT_TYPE;
    const { id } = await createTestDelivery(db, { organisationId, integrationId, eventType, event: examplePayload(eventType) });
    const delivery = await patiently(() => readDelivery(db, organisationId, id));
    if (!delivery) throw new Error(`The test delivery ${id} vanished.`);
    // Nobody waits for a Temporal server that is away: the message is stored and due.
    startDelivery({ organisationId, deliveryId: id, integrationId, eventType }).catch((error: unknown) => {
      log.warn({ err: error, delivery: id }, 'the workflow of a test message could not be started; the sweeper will');
    });
    return c.json({ ...viewDelivery(delivery), url: `${settings.publicUrl}/v1/deliveries/${id}` }, 202);
  });
}
