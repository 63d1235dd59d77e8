import { createRoute, z } from '@hono/zod-openapi';
import { eventCatalogue } from '../../model/events.ts';
import type { ApiRouter } from '../router.ts';
import { jsonAnswer, refusals } from './answers.ts';
import { type Guards, security } from './guard.ts';
import { listOf } from './paging.ts';

const eventTypeSchema = z
  .object({
    name: z.string().openapi({ description: 'As rules and decisions carry it', example: 'ExecutionFailed' }),
    constant: z.string().openapi({ description: 'As webhooks carry it', example: 'EXECUTION_FAILED' }),
    title: z.string().openapi({ description: 'As people read it', example: 'Execution Failed' }),
    category: z.enum(['status', 'action', 'details', 'organisation']),
    description: z.string().openapi({ example: 'Triggered when an agent encounters an error and fails.' }),
    payload_fields: z
      .array(z.object({ name: z.string(), description: z.string() }))
      .openapi({ description: 'Fields that filters usually ask for', example: [{ name: 'reason', description: 'Why it failed' }] }),
  })
  .openapi('EventType');

const listEventTypes = createRoute({
  tags: ['Event types'],
  security,
  method: 'get',
  path: '/event_types',
  summary: 'List the known event types',
  description: 'The catalogue is open: events of any other type are stored and routed as well.',
  responses: { 200: jsonAnswer('Every known type', listOf(eventTypeSchema)), ...refusals },
});

export function registerEventTypes(app: ApiRouter, guards: Guards): void {
  app.openapi({ ...listEventTypes, middleware: guards.read('ingest') }, (c) => {
    const data = eventCatalogue.map(({ name, constant, spaced, category, description, payloadFields }) => ({
      name,
      constant,
      title: spaced,
      category,
      description,
      payload_fields: payloadFields.map((field) => ({ ...field })),
    }));
    return c.json({ data, next_cursor: null }, 200);
  });
}
