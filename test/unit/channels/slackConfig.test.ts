import { describe, expect, it } from 'vitest';
import { channels } from '../../../activities/channels/index.ts';
import type { JsonObject } from '../../../model/types.ts';

const slack = channels.slack!;
const webhook_url = 'https://hooks.slack.com/services/T0/B0/secret-part';
const bot = { bot_token: 'xoxb-secret', channel: '#operations-alerts' };

function problems(input: JsonObject): string[] {
  const result = slack.inputSchema.safeParse(input);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe("Slack's configuration", () => {
  it('of an incoming webhook shows its host alone, because the URL is the secret', () => {
    const { config, secrets } = slack.split({ webhook_url });
    expect(config).toEqual({ webhook_host: 'hooks.slack.com' });
    expect(secrets).toEqual({ webhook_url });
    expect(slack.describe(config)).toBe('Slack incoming webhook');
    expect(slack.destinations(config, secrets)).toEqual([{ field: 'webhook_url', url: webhook_url }]);
  });

  it('of an app shows everything but its token', () => {
    const { config, secrets } = slack.split({ ...bot, api_url: 'https://slack-gov.com/api' });
    expect(config).toEqual({ channel: '#operations-alerts', api_url: 'https://slack-gov.com/api' });
    expect(secrets).toEqual({ bot_token: 'xoxb-secret' });
    expect(slack.destinations(config, secrets)).toEqual([{ field: 'api_url', url: 'https://slack-gov.com/api' }]);
  });

  it('of an app leads to Slack itself unless told otherwise', () => {
    const { config, secrets } = slack.split(bot);
    expect(slack.destinations(config, secrets)).toEqual([{ field: 'api_url', url: 'https://slack.com/api' }]);
  });

  it('is described by its channel, or by the one a notification chose', () => {
    const { config } = slack.split(bot);
    expect(slack.describe(config)).toBe('Slack #operations-alerts');
    expect(slack.describe(config, null)).toBe('Slack #operations-alerts');
    expect(slack.describe(config, '#night-shift')).toBe('Slack #night-shift');
  });

  const eitherWay = 'give either webhook_url (an incoming webhook of Slack) or bot_token and channel (a Slack app with chat:write)';
  it.each<[JsonObject, string]>([
    [{}, `: ${eitherWay}`],
    [{ channel: '#x' }, `: ${eitherWay}`],
    [{ bot_token: 'xoxb-1' }, 'channel: is needed with bot_token: the channel to post to'],
    [{ ...bot, channel: ' ' }, 'channel: must name a channel, such as #operations-alerts or C0123456789'],
    [{ ...bot, bot_token: 'xoxb-1\r\nHost: x' }, 'bot_token: must be the bot token of a Slack app (xoxb-…), without spaces'],
    [{ webhook_url, channel: '#x' }, `channel: cannot be combined with webhook_url; ${eitherWay}`],
    [{ webhook_url: 'hooks.slack.com' }, 'webhook_url: must be a full URL, such as https://hooks.example.com/herald'],
    [{ url: webhook_url }, ': has no field "url"; its fields are webhook_url, bot_token, signing_secret, channel, join_public_channels, api_url'],
  ])('%j is refused: %s', (input, problem) => {
    expect(problems(input)).toContain(problem);
  });
});

describe('the channel of a notification', () => {
  const app = slack.split(bot).config;

  it.each([null, '#night-shift', 'night-shift', 'C0123456789', '#störungen', 'a'.repeat(80)])('of an app may be %j', (chosen) => {
    expect(slack.channelProblem(app, chosen)).toBeUndefined();
  });

  it.each(['', '#', '##x', 'two words', '#a,b', '<!channel>', '@someone', 'a'.repeat(81), 'x\nY'])('of an app is refused when it is %j', (chosen) => {
    expect(slack.channelProblem(app, chosen)).toBe('must name a channel, such as #operations-alerts or C0123456789');
  });

  it('must be chosen when the integration has none', () => {
    const { channel: _, ...withoutChannel } = app;
    expect(slack.channelProblem(withoutChannel, null)).toBe('must name a channel, because the integration has none of its own');
    expect(slack.channelProblem(withoutChannel, '#x')).toBeUndefined();
  });

  it('cannot be chosen for an incoming webhook, nor for a webhook', () => {
    const incoming = slack.split({ webhook_url }).config;
    expect(slack.channelProblem(incoming, null)).toBeUndefined();
    expect(slack.channelProblem(incoming, '#x')).toContain('is bound to its channel');
    expect(channels.webhook!.channelProblem({}, '#x')).toContain('has one address');
  });

  it('is what the rate limit counts by, however it is spelt', () => {
    expect(slack.limitedTogether?.(app, '#night-shift')).toBe(slack.limitedTogether?.(app, 'night-shift'));
    expect(slack.limitedTogether?.(app, null)).toBe('operations-alerts');
    expect(slack.defaultRateLimit?.per_second).toBe(1);
  });
});

describe('changing a Slack integration', () => {
  const app = slack.split(bot);

  it('keeps the token when the channel changes', () => {
    expect(slack.merge(app, { channel: '#general' })).toEqual({ config: { channel: '#general' }, secrets: app.secrets });
  });

  it('switches between an app and an incoming webhook', () => {
    const webhook = slack.merge(app, { webhook_url });
    expect(webhook).toEqual(slack.split({ webhook_url }));
    expect(slack.merge(webhook, bot)).toEqual(app);
  });

  it('refuses half a switch', () => {
    expect(() => slack.merge(slack.split({ webhook_url }), { bot_token: 'xoxb-1' })).toThrow('is needed with bot_token');
    expect(() => slack.merge(slack.split({ webhook_url }), { channel: '#x' })).toThrow('cannot be combined');
    expect(() => slack.merge(app, { channel: null })).toThrow('is needed with bot_token');
  });

  it('does not send a stored token to a new server', () => {
    expect(() => slack.merge(app, { api_url: 'https://evil.example.com' })).toThrow('must be given again when api_url changes');
    const moved = slack.merge(app, { api_url: 'https://slack-gov.com/api', bot_token: 'xoxb-new' });
    expect(moved.secrets).toEqual({ bot_token: 'xoxb-new' });
  });
});
