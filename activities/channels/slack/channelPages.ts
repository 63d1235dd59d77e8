import { z } from 'zod';
import { type Refusal, unusable, type WebApi } from './webApi.ts';

/** As many as Slack advises to ask for at once. */
const pageSize = 200;

const listing = z.looseObject({
  channels: z.array(
    z.looseObject({ id: z.string(), name: z.string(), is_private: z.boolean().default(false), is_member: z.boolean().default(false) }),
  ),
  response_metadata: z.looseObject({ next_cursor: z.string().default('') }).default({ next_cursor: '' }),
});

/** A channel as Slack lists it. */
export type ChannelEntry = z.infer<typeof listing>['channels'][number];

export type ChannelPage = { ok: true; cursor: string; nextCursor: string; channels: ChannelEntry[] } | Refusal;

/**
 * The channels of a workspace that are not archived, page by page; a refusal ends it.
 * @param from.cursor Slack's own; absent, it begins with the first page.
 */
export async function* channelPages(api: WebApi, from: { types: string; cursor?: string }): AsyncGenerator<ChannelPage> {
  let cursor = from.cursor ?? '';
  do {
    const args = { types: from.types, exclude_archived: 'true', limit: String(pageSize), ...(cursor && { cursor }) };
    const answer = await api.call('conversations.list', args);
    if (!answer.ok) return yield answer;
    const { data } = listing.safeParse(answer.body);
    if (!data) return yield unusable('Slack listed the channels, but not as its API does; check api_url', answer.result.durationMs);
    const nextCursor = data.response_metadata.next_cursor;
    yield { ok: true, cursor, nextCursor, channels: data.channels };
    cursor = nextCursor;
  } while (cursor !== '');
}
