import { createRoute, z } from '@hono/zod-openapi';
import type { ChannelListing } from '../../activities/channels/channel.ts';
import { readIntegration } from '../../store/integrations.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { badRequest, notFound, Problem, unavailable } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { jsonAnswer, missing, refusals } from './answers.ts';
import { textFilter } from './filters.ts';
import { type Guards, security } from './guard.ts';
import { channelOf, integrationIdParam } from './integrations.ts';
import { listOf, timePaging } from './paging.ts';

/** Somebody waits for the answer. */
const TIMEOUT_MS = 10_000;

const channelSchema = z.object({
  id: z.string().openapi({ example: 'C0123456789' }),
  name: z.string().openapi({ example: 'operations-alerts' }),
  private: z.boolean(),
  member: z.boolean().openapi({ description: 'Whether the app is in the channel; it joins a public one when it first posts there' }),
});

const listChannels = createRoute({
  tags: ['Integrations'],
  security,
  method: 'get',
  path: '/integrations/{id}/channels',
  summary: 'List the channels to choose from',
  description:
    "Asks Slack at this moment, for an integration with a bot token; empty where there is nothing to choose. With `search`, a page may be empty before the last one: `next_cursor` says whether to go on.",
  request: {
    params: integrationIdParam,
    query: z.strictObject({ limit: timePaging.limit, cursor: z.string().max(2000).optional(), search: textFilter.openapi({ description: 'Part of the name' }) }),
  },
  responses: {
    200: jsonAnswer('A page of channels', listOf(channelSchema)),
    ...refusals,
    ...missing,
    502: { description: 'Slack refused; `detail` says what to do' },
    503: { description: 'Slack did not answer, or asks for patience' },
  },
});

export function registerIntegrationChannels(app: ApiRouter, { db, secrets, http }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...listChannels, middleware: guards.read('admin') }, async (c) => {
    const { id } = c.req.valid('param');
    const query = c.req.valid('query');
    const integration = await readIntegration(db, c.var.organisationId, id);
    if (!integration) throw notFound(`integration '${id}'`);
    const channel = channelOf(integration.type);
    if (!channel.listChannels) return c.json({ data: [], next_cursor: null }, 200);
    const listing = await channel.listChannels(integration.config, secrets.open(integration.secrets), query, { http, timeoutMs: TIMEOUT_MS });
    if (listing.outcome !== 'listed') throw problemOf(listing);
    return c.json({ data: listing.channels, next_cursor: listing.nextCursor }, 200);
  });
}

function problemOf(listing: Exclude<ChannelListing, { outcome: 'listed' }>): Problem {
  if (listing.outcome === 'bad_cursor') return badRequest('cursor', 'cursor: is not a cursor of this list; pass next_cursor as it came, or leave it out to begin at the start');
  if (listing.passing) return unavailable(`The channels cannot be listed for now: ${listing.error}.`, Math.ceil((listing.retryAfterMs ?? 5000) / 1000));
  return new Problem({ status: 502, type: 'destination-refused', title: 'Destination refused', detail: `The channels cannot be listed: ${listing.error}.` });
}
