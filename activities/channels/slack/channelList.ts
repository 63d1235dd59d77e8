import type { JsonObject } from '../../../model/types.ts';
import type { ChannelListing, ChannelQuery, SendIo } from '../channel.ts';
import { type ChannelEntry, channelPages } from './channelPages.ts';
import { readSecrets } from './config.ts';
import { openWebApi, type WebApi } from './webApi.ts';

/** Slack cannot search: so many of its pages are looked through for one answer, 200 channels each. */
const pagesAtOnce = 10;
const everyType = 'public_channel,private_channel';

/** Where an answer went on: Slack's cursor, and how many channels of its page were looked at already. */
interface Position {
  cursor: string;
  skip: number;
}

/** The channels that the app can see, in Slack's order; private ones where it is a member and has the scope groups:read. */
export async function listSlackChannels(config: JsonObject, secrets: JsonObject, query: ChannelQuery, io: Pick<SendIo, 'http' | 'timeoutMs'>): Promise<ChannelListing> {
  const opened = readSecrets(secrets);
  if ('webhook_url' in opened) return { outcome: 'listed', channels: [], nextCursor: null };
  const start = query.cursor === undefined ? { cursor: '', skip: 0 } : readPosition(query.cursor);
  if (!start) return { outcome: 'bad_cursor' };
  const api = openWebApi(config, opened.bot_token, io);
  const listed = await look(api, everyType, start, query);
  const withoutPrivate = listed.outcome === 'failed' && listed.code === 'missing_scope';
  return withoutPrivate ? look(api, 'public_channel', start, query) : listed;
}

async function look(api: WebApi, types: string, { cursor, skip }: Position, { search = '', limit }: ChannelQuery): Promise<ChannelListing> {
  const wanted = search.toLowerCase().replace(/^#/, '');
  const found: ChannelEntry[] = [];
  let pages = 0;
  for await (const page of channelPages(api, { types, cursor })) {
    if (!page.ok) return failure(page.result, page.code);
    for (const [index, channel] of page.channels.entries()) {
      if ((pages === 0 && index < skip) || !channel.name.includes(wanted)) continue;
      if (found.length === limit) return listing(found, { cursor: page.cursor, skip: index });
      found.push(channel);
    }
    pages += 1;
    if (page.nextCursor === '') break;
    if (pages === pagesAtOnce || found.length === limit) return listing(found, { cursor: page.nextCursor, skip: 0 });
  }
  return listing(found, null);
}

function listing(found: ChannelEntry[], next: Position | null): ChannelListing {
  const channels = found.map(({ id, name, is_private, is_member }) => ({ id, name, private: is_private, member: is_member }));
  return { outcome: 'listed', channels, nextCursor: next && Buffer.from(JSON.stringify([next.cursor, next.skip])).toString('base64url') };
}

function failure({ error, kind, retryAfterMs }: { error: string; kind: string; retryAfterMs?: number }, code?: string): ChannelListing {
  return { outcome: 'failed', error, passing: kind === 'retryable', ...(retryAfterMs !== undefined && { retryAfterMs }), ...(code !== undefined && { code }) };
}

function readPosition(text: string): Position | undefined {
  try {
    const [cursor, skip]: unknown[] = JSON.parse(Buffer.from(text, 'base64url').toString());
    return typeof cursor === 'string' && typeof skip === 'number' ? { cursor, skip } : undefined;
  } catch {
    return undefined;
  }
}
