import { createRoute } from '@hono/zod-openapi';
import { deliveryWorkflowId } from '../../model/naming.ts';
import { cancelDelivery, type Delivery, readDelivery, reopenDelivery } from '../../store/deliveries.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { conflict, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { conflicting, idempotencyHeader, jsonAnswer, missing, refusals } from './answers.ts';
import { deliveryIdParam } from './deliveries.ts';
import { deliverySchema, viewDelivery } from './deliverySchemas.ts';
import { type Guards, security } from './guard.ts';

const CANCELLED = 'Cancelled by hand';
const common = { tags: ['Deliveries'], security, request: { params: deliveryIdParam, headers: idempotencyHeader } };

const retry = createRoute({
  ...common,
  method: 'post',
  path: '/deliveries/{id}/retry',
  summary: 'Try a delivery now',
  description:
    'One that waits for its next attempt does not wait; one that failed, was cancelled or has arrived is sent again, with the same `webhook-id`. ' +
    'One that is being sent at this moment is refused with 409.',
  responses: { 202: jsonAnswer('Due now', deliverySchema), ...refusals, ...missing, ...conflicting },
});

const cancel = createRoute({
  ...common,
  method: 'post',
  path: '/deliveries/{id}/cancel',
  summary: 'Cancel a delivery',
  description: 'No further attempt is made. What is being sent at this moment may still arrive. One that has ended is refused with 409.',
  responses: { 200: jsonAnswer('Cancelled', deliverySchema), ...refusals, ...missing, ...conflicting },
});

/** Commands to one delivery. Postgres decides; its workflow is told, and finds out by itself when it cannot be. */
export function registerDeliveryCommands(app: ApiRouter, { db, temporal, startDelivery, log }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...retry, middleware: guards.create('admin') }, async (c) => {
    const { organisationId } = c.var;
    const { id } = c.req.valid('param');
    const outcome = await reopenDelivery(db, organisationId, id);
    if (outcome === 'unknown') throw notFound(`delivery '${id}'`);
    if (outcome === 'busy') throw conflict(`The delivery '${id}' is being sent at this moment. See what becomes of it first.`);
    const delivery = await requireDelivery(organisationId, id);
    tell(id, async () => {
      const { integrationId, eventType } = delivery;
      if (!(await signal(id, 'retryNow'))) await startDelivery({ organisationId, deliveryId: id, integrationId, eventType });
    });
    return c.json(viewDelivery(delivery), 202);
  });

  app.openapi({ ...cancel, middleware: guards.create('admin') }, async (c) => {
    const { organisationId } = c.var;
    const { id } = c.req.valid('param');
    const outcome = await cancelDelivery(db, organisationId, id, CANCELLED);
    if (outcome === 'unknown') throw notFound(`delivery '${id}'`);
    const delivery = await requireDelivery(organisationId, id);
    if (outcome === 'closed') throw conflict(`The delivery '${id}' has ended: it is ${delivery.status}.`, { current_status: delivery.status });
    tell(id, () => signal(id, 'cancel', { reason: CANCELLED, stored: true }));
    return c.json(viewDelivery(delivery), 200);
  });

  async function requireDelivery(organisationId: string, id: string): Promise<Delivery> {
    const delivery = await readDelivery(db, organisationId, id);
    if (!delivery) throw notFound(`delivery '${id}'`);
    return delivery;
  }

  /** Nobody waits for a Temporal server that is away. */
  function tell(id: string, send: () => Promise<unknown>): void {
    send().catch((error: unknown) => log.warn({ err: error, delivery: id }, 'the workflow of a delivery could not be told of a command'));
  }

  /** False when no workflow of the delivery is running. */
  async function signal(id: string, name: string, ...args: unknown[]): Promise<boolean> {
    try {
      await temporal()?.workflow.getHandle(deliveryWorkflowId(id)).signal(name, ...args);
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === 'WorkflowNotFoundError') return false;
      throw error;
    }
  }
}
