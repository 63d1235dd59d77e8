import { z } from 'zod';
import type { ApiAnswer, WebApi } from './webApi.ts';

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

export type ChannelPage = { ok: true; cursor: string; nextCursor: string; channels: ChannelEntry[] } | Extract<ApiAnswer, { ok: false }>;

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
    const { channels, response_metadata } = listing.parse(answer.body);
    yield { ok: true, cursor, nextCursor: response_metadata.next_cursor, channels };
    cursor = response_metadata.next_cursor;
  } while (cursor !== '');
}
