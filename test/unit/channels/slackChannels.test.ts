import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChannelListing, ChannelQuery } from '../../../activities/channels/channel.ts';
import { createOutgoingHttp, type OutgoingHttp } from '../../../activities/channels/http.ts';
import { channels } from '../../../activities/channels/index.ts';
import { type SlackStandIn, startSlackStandIn } from '../../support/slackStandIn.ts';

const slack = channels.slack!;
const names = Array.from({ length: 430 }, (_, number) => `team-${number}`);
let standIn: SlackStandIn;
let http: OutgoingHttp;

beforeAll(async () => {
  http = createOutgoingHttp({ allowedDestinations: ['127.0.0.0/8'] });
  standIn = await startSlackStandIn({
    channels: [
      ...names.map((name) => ({ name })),
      { name: 'old', is_archived: true },
      { name: 'alerts-public', is_member: false },
      { name: 'alerts-private', is_private: true },
      { name: 'alerts-of-others', is_private: true, is_member: false },
    ],
  });
});
beforeEach(() => {
  standIn.calls.length = 0;
  standIn.refuseCalls(undefined);
});
afterAll(async () => {
  await http.close();
  await standIn.close();
});

async function list(query: Partial<ChannelQuery> = {}): Promise<ChannelListing> {
  const { config, secrets } = slack.split({ bot_token: 'xoxb-1', channel: '#x', api_url: standIn.apiUrl });
  return slack.listChannels!(config, secrets, { limit: 100, ...query }, { http });
}

async function every(query: Partial<ChannelQuery>): Promise<{ pages: number; names: string[] }> {
  const found: string[] = [];
  let cursor: string | undefined;
  for (let pages = 1; ; pages++) {
    const listed = await list({ ...query, ...(cursor !== undefined && { cursor }) });
    if (listed.outcome !== 'listed') throw new Error(JSON.stringify(listed));
    found.push(...listed.channels.map(({ name }) => name));
    if (listed.nextCursor === null) return { pages, names: found };
    cursor = listed.nextCursor;
  }
}

describe('the channels of a Slack workspace', () => {
  it.each([1000, 200, 150, 100, 7])('are all listed once, %i at a time, without the archived and the private ones of others', async (limit) => {
    const { names: found } = await every({ limit });
    expect(found).toEqual([...names, 'alerts-public', 'alerts-private']);
  });

  it('say whether they are private, and whether the app is in them', async () => {
    expect(await list({ search: 'alerts' })).toEqual({
      outcome: 'listed',
      nextCursor: null,
      channels: [
        { id: expect.stringMatching(/^C/), name: 'alerts-public', private: false, member: false },
        { id: expect.stringMatching(/^C/), name: 'alerts-private', private: true, member: true },
      ],
    });
  });

  it('are searched by part of the name, with or without #, in capitals or not', async () => {
    expect((await every({ search: '#TEAM-42', limit: 4 })).names).toEqual(['team-42', ...names.slice(420, 430)]);
    expect((await every({ search: 'nothing like it' })).names).toEqual([]);
  });

  it('are the public ones for an app without the scope groups:read', async () => {
    const publicOnly = await startSlackStandIn({ channels: [{ name: 'a' }, { name: 'b', is_private: true }], missingScopes: ['groups:read'] });
    const { config, secrets } = slack.split({ bot_token: 'xoxb-1', channel: '#x', api_url: publicOnly.apiUrl });
    expect(await slack.listChannels!(config, secrets, { limit: 10 }, { http })).toMatchObject({ outcome: 'listed', channels: [{ name: 'a' }] });
    await publicOnly.close();
  });

  it('are none for an incoming webhook, which has its own', async () => {
    const { config, secrets } = slack.split({ webhook_url: standIn.webhookUrl });
    expect(await slack.listChannels!(config, secrets, { limit: 10 }, { http })).toEqual({ outcome: 'listed', channels: [], nextCursor: null });
    expect(standIn.calls).toEqual([]);
  });

  it('cannot be listed with a cursor of somebody else', async () => {
    for (const cursor of ['', 'x', Buffer.from('{}').toString('base64url'), Buffer.from('[1,2]').toString('base64url')]) {
      expect(await list({ cursor })).toEqual({ outcome: 'bad_cursor' });
    }
  });

  it('cannot be listed with a revoked token, or while Slack has no time', async () => {
    standIn.refuseCalls(() => ({ error: 'token_revoked' }));
    expect(await list()).toMatchObject({ outcome: 'failed', passing: false, code: 'token_revoked', error: expect.stringContaining('was revoked') });
    standIn.refuseCalls(() => ({ retryAfterSeconds: 3 }));
    expect(await list()).toMatchObject({ outcome: 'failed', passing: true, retryAfterMs: 3000 });
  });
});
