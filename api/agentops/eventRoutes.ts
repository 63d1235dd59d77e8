import { z } from '@hono/zod-openapi';
import type { Json } from '../../model/types.ts';
import { findEvents } from '../../store/sessionLookup.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { readJson } from '../limits.ts';
import { notFound } from '../problems.ts';
import { newEventsOf, readEvents } from './events.ts';
import type { AgentopsRoute } from './route.ts';
import { eventsSchema } from './schemas.ts';
import { changeOfEvents, requireIds } from './updateEvents.ts';

const success = z.literal('Success');

/**
 * Stores the events that `body` holds (`{"events": […]}`, a list, or a single event); durable when it answers.
 * Throws a 400 that names the field, 404 without such a session, 413 above a limit.
 */
export async function storeEvents(
  { ingest, settings }: Pick<ApiDependencies, 'ingest' | 'settings'>,
  session: { organisationId: string; sessionId: string },
  body: Json,
  bodyBytes = Infinity,
): Promise<{ stored: number; duplicates: number }> {
  const events = readEvents(body, session.sessionId, settings.limits, bodyBytes);
  const newEvents = newEventsOf(events, session.sessionId, settings.tokenPrices, new Date().toISOString());
  const result = await ingest.appendEvents(session.organisationId, session.sessionId, newEvents);
  if (result.outcome === 'no_session') throw notFound(`session '${session.sessionId}'`);
  return result;
}

export function createEventsRoute(deps: ApiDependencies): AgentopsRoute {
  return {
    paths: ['/create_events'],
    summary: 'Report events',
    description: 'Events with an id that is already stored are skipped. Fields beyond the ones shown are kept; whole numbers of more digits than JavaScript holds become text.',
    security: 'token',
    body: eventsSchema,
    example: {
      events: [
        { type: 'llm', init_timestamp: '2024-03-14T12:01:00Z', model: 'gpt-4', prompt_tokens: 150, completion_tokens: 80 },
        { type: 'tool', name: 'database_query', init_timestamp: '2024-03-14T12:01:03Z', input: 'SELECT * FROM users' },
      ],
    },
    answer: success,
    async handle(c) {
      const claims = await c.get('keyring').requireSession(c);
      const { value, bytes } = await readJson(c, deps.settings.limits.requestBytes);
      await storeEvents(deps, claims, value, bytes);
      return c.json('Success');
    },
  };
}

export function updateEventsRoute({ ingest, settings }: ApiDependencies): AgentopsRoute {
  return {
    paths: ['/update_events'],
    summary: 'Add to events',
    description: 'Readers see the fields merged; costs are computed again. A first error emits ExecutionActionFailed.',
    security: 'token',
    body: eventsSchema,
    example: { events: [{ event_id: 'event-id-123', completion: 'Updated completion text', completion_tokens: 100 }] },
    answer: success,
    async handle(c) {
      const claims = await c.get('keyring').requireSession(c);
      const { value, bytes } = await readJson(c, settings.limits.requestBytes);
      const updates = readEvents(value, claims.sessionId, settings.limits, bytes);
      const ids = requireIds(updates);
      if (ids.length === 0) return c.json('Success');
      const now = new Date().toISOString();
      const done = await ingest.changeSession(claims.organisationId, claims.sessionId, async (stored, trx) => ({
        answer: true,
        ...changeOfEvents(updates, await findEvents(trx, stored.key, ids), settings.tokenPrices, now),
      }));
      if (done === 'no_session') throw notFound(`session '${claims.sessionId}'`);
      return c.json('Success');
    },
  };
}
