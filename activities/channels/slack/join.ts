import { type ChannelEntry, channelPages } from './channelPages.ts';
import { isChannelId } from './config.ts';
import type { ApiAnswer, Refusal, WebApi } from './webApi.ts';

/** Makes the app a member of a public channel, so that it may post there. Slack wants the channel's id for that, not its name. */
export async function joinChannel(api: WebApi, channel: string): Promise<ApiAnswer> {
  const found = isChannelId(channel) ? channel : await findId(api, channel.replace(/^#/, ''));
  return typeof found === 'string' ? api.call('conversations.join', { channel: found }) : found;
}

async function findId(api: WebApi, name: string): Promise<string | Refusal> {
  for await (const page of channelPages(api, { types: 'public_channel' })) {
    if (!page.ok) return page;
    const found = page.channels.find((channel: ChannelEntry) => channel.name === name);
    if (found) return found.id;
  }
  const error = `there is no public channel #${name} that the Slack app could join`;
  return { ok: false, result: { ok: false, kind: 'permanent', error, statusCode: null, response: null, durationMs: 0 } };
}
