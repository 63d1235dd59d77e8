import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOutgoingHttp, type OutgoingHttp } from '../../../activities/channels/http.ts';
import { channels } from '../../../activities/channels/index.ts';
import type { AttemptResult, JsonObject } from '../../../model/types.ts';
import { exampleMessage } from '../../support/message.ts';
import { type ReceiverOptions, startReceiver } from '../../support/receiver.ts';
import { sendIo } from '../../support/sendIo.ts';
import { type SlackStandIn, startSlackStandIn } from '../../support/slackStandIn.ts';

const slack = channels.slack!;
let standIn: SlackStandIn;
let http: OutgoingHttp;

beforeAll(async () => {
  http = createOutgoingHttp({ allowedDestinations: ['127.0.0.0/8'] });
  standIn = await startSlackStandIn({
    tokens: ['xoxb-good'],
    channels: [
      { name: 'operations-alerts' },
      { name: 'night-shift', id: 'C0NIGHT' },
      { name: 'strangers', is_member: false },
      { name: 'newcomers', id: 'C0NEWCOMERS', is_member: false },
      { name: 'old', is_archived: true },
      { name: 'secret', is_private: true, is_member: false },
    ],
  });
});
beforeEach(() => {
  standIn.messages.length = 0;
  standIn.refuse(undefined);
  standIn.refuseCalls(undefined);
  standIn.calls.length = 0;
});
afterAll(async () => {
  await http.close();
  await standIn.close();
});

function attempt(input: JsonObject, message = exampleMessage()): Promise<AttemptResult> {
  const { config, secrets } = slack.split(input);
  return slack.send(slack.render(message, config), message, config, secrets, sendIo(http));
}

const asApp = (changes: JsonObject = {}, message = exampleMessage()) =>
  attempt({ bot_token: 'xoxb-good', channel: '#operations-alerts', api_url: standIn.apiUrl, ...changes }, message);
const byWebhook = (message = exampleMessage()) => attempt({ webhook_url: standIn.webhookUrl }, message);

describe('sending to Slack as an app', () => {
  it('posts text and blocks into the channel', async () => {
    expect(await asApp()).toMatchObject({ ok: true, statusCode: 200 });
    expect(standIn.messages).toMatchObject([
      { via: 'api', channel: 'operations-alerts', text: '🔴 Execution Failed - Payment gateway timeout', blocks: [{}, {}], attachments: [{}] },
    ]);
  });

  it('posts into the channel that the notification chose, by name or id', async () => {
    await asApp({}, exampleMessage({ channel: '#night-shift' }));
    await asApp({}, exampleMessage({ channel: 'C0NIGHT' }));
    expect(standIn.messages.map(({ channel }) => channel)).toEqual(['night-shift', 'night-shift']);
  });

  it('understands an answer that repeats a long message, and keeps 4 KiB of it', async () => {
    const payload = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`field${index}`, 'x'.repeat(5000)]));
    const result = await asApp({}, exampleMessage({ eventType: 'custom', payload }));
    expect(result).toMatchObject({ ok: true });
    expect(result.response).toHaveLength(4096);
  });

  it.each([
    [{ channel: '#nowhere' }, 'channel_not_found: the channel does not exist, or it is private and the Slack app is not in it'],
    [{ channel: '#secret' }, 'channel_not_found: the channel does not exist, or it is private and the Slack app is not in it'],
    [{ channel: '#strangers', join_public_channels: false }, 'not_in_channel: the Slack app is not in the channel; invite it there with /invite'],
    [{ channel: '#old' }, 'is_archived: the channel is archived; choose another channel'],
    [{ bot_token: 'xoxb-wrong' }, 'invalid_auth: the bot token is not valid; set bot_token to the current one'],
  ])('fails for good with %j, and says what to do', async (changes, sentence) => {
    const result = await asApp(changes);
    expect(result).toMatchObject({ ok: false, kind: 'permanent', statusCode: 200, error: expect.stringContaining(`Slack answered ${sentence}`) });
  });

  it.each(['token_revoked', 'account_inactive', 'invalid_blocks', 'no_text', 'missing_scope', 'restricted_action'])(
    'fails for good when Slack answers %s',
    async (error) => {
      standIn.refuse(() => ({ error }));
      expect(await asApp()).toMatchObject({ ok: false, kind: 'permanent', error: expect.stringMatching(`^Slack answered ${error}: .{20,}`) });
    },
  );

  it.each(['internal_error', 'fatal_error', 'something_new', 'constructor'])('tries again when Slack answers %s', async (error) => {
    standIn.refuse(() => ({ error }));
    expect(await asApp()).toMatchObject({ ok: false, kind: 'retryable', error: `Slack answered ${error}` });
  });

  it('tries again when Slack wants it to', async () => {
    standIn.refuse(() => ({ retryAfterSeconds: 30 }));
    expect(await asApp()).toMatchObject({
      ok: false,
      kind: 'retryable',
      statusCode: 429,
      retryAfterMs: 30_000,
      error: 'Slack answered 429 Too Many Requests',
    });
  });

  it('tries again after a 503', async () => {
    standIn.refuse(() => ({ status: 503 }));
    expect(await asApp()).toMatchObject({ ok: false, kind: 'retryable', error: 'Slack answered 503 Service Unavailable' });
  });

  it('does not take any other server for Slack', async () => {
    const other = await startReceiver({ behaviour: { body: '<html>Welcome</html>' } });
    const result = await asApp({ api_url: other.url });
    await other.close();
    expect(result).toMatchObject({ ok: false, kind: 'retryable', error: 'Slack answered 200 OK, but not as its API does; check api_url' });
    expect(other.received).toMatchObject([{ path: '/chat.postMessage', headers: { authorization: 'Bearer xoxb-good' } }]);
  });
});

describe('a public channel that the app is not in', () => {
  const names = Array.from({ length: 450 }, (_, number) => `channel-${number}`);
  let large: SlackStandIn;
  const toLarge = (channel: string) => asApp({ api_url: large.apiUrl, channel });
  beforeAll(async () => {
    large = await startSlackStandIn({ channels: names.map((name) => ({ name, is_member: false })) });
  });
  beforeEach(() => {
    large.calls.length = 0;
    large.refuseCalls(undefined);
  });
  afterAll(() => large.close());

  it('is joined, and posted to, by its id', async () => {
    expect(await asApp({ channel: 'C0NEWCOMERS' })).toMatchObject({ ok: true });
    expect(standIn.messages.map(({ channel }) => channel)).toEqual(['newcomers']);
    expect(standIn.calls).toEqual(['chat.postMessage', 'conversations.join', 'chat.postMessage']);
  });

  it('is found by its name, on whichever page of Slack it is, and joined once', async () => {
    expect(await toLarge('#channel-449')).toMatchObject({ ok: true });
    expect(await toLarge('channel-449')).toMatchObject({ ok: true });
    const lists = ['conversations.list', 'conversations.list', 'conversations.list'];
    expect(large.calls).toEqual(['chat.postMessage', ...lists, 'conversations.join', 'chat.postMessage', 'chat.postMessage']);
  });

  it('is left alone when the app lacks the scope, and the error says how to get in', async () => {
    large.refuseCalls((method) => (method === 'conversations.join' ? { error: 'missing_scope' } : undefined));
    expect(await toLarge('#channel-1')).toMatchObject({
      ok: false,
      kind: 'permanent',
      error: 'Slack answered not_in_channel: the Slack app is not in the channel; invite it there with /invite, or let it join public channels (scope channels:join)',
    });
  });

  it('is tried again later when Slack has no time for it now', async () => {
    for (const busy of ['conversations.list', 'conversations.join']) {
      large.refuseCalls((method) => (method === busy ? { retryAfterSeconds: 20 } : undefined));
      expect(await toLarge('#channel-2')).toMatchObject({ ok: false, kind: 'retryable', retryAfterMs: 20_000 });
    }
  });

  it('costs little more time than one request may take', async () => {
    const behaviour: ReceiverOptions['behaviour'] = ({ path }) =>
      path === '/chat.postMessage' ? { delayMs: 200, body: '{"ok":false,"error":"not_in_channel"}' } : { hang: 'answer' };
    const slow = await startReceiver({ behaviour });
    const { config, secrets } = slack.split({ bot_token: 'xoxb-good', channel: 'C0NEWCOMERS', api_url: slow.url });
    const message = exampleMessage();
    const result = await slack.send(slack.render(message, config), message, config, secrets, sendIo(http, { timeoutMs: 400 }));
    await slow.close();
    expect(result).toMatchObject({ ok: false, kind: 'retryable' });
    expect(result.durationMs).toBeLessThan(1200);
  });
});

describe('a server that only says it is Slack', () => {
  async function sendTo(list: string): Promise<AttemptResult> {
    const other = await startReceiver({ behaviour: ({ path }) => ({ body: path === '/conversations.list' ? list : '{"ok":false,"error":"not_in_channel"}' }) });
    const { config, secrets } = slack.split({ bot_token: 'xoxb-good', channel: '#wanted', api_url: other.url });
    const message = exampleMessage();
    const result = await slack.send(slack.render(message, config), message, config, secrets, sendIo(http, { timeoutMs: 500 }));
    await other.close();
    return result;
  }

  it('cannot keep an attempt busy with a list of channels that never ends', async () => {
    const result = await sendTo('{"ok":true,"channels":[],"response_metadata":{"next_cursor":"again"}}');
    expect(result).toMatchObject({ ok: false, kind: 'retryable', error: 'Slack took longer than 0.5 s for all the calls that were needed' });
    expect(result.durationMs).toBeLessThan(2000);
  });

  it('fails as any other destination when its list is none', async () => {
    expect(await sendTo('{"ok":true,"channels":"all"}')).toMatchObject({ ok: false, kind: 'retryable', error: expect.stringContaining('not as its API does') });
  });
});

describe('an error of any length', () => {
  it.each([
    ['as an app', () => asApp()],
    ['to an incoming webhook', () => byWebhook()],
  ])('that is answered %s is kept in part', async (_, send) => {
    standIn.refuse(() => ({ error: 'x_'.repeat(500_000) }));
    const result = await send();
    expect(result).toMatchObject({ ok: false, kind: 'retryable' });
    expect(result.ok ? '' : result.error).toMatch(/^Slack answered /);
    expect(result.ok ? '' : result.error.length).toBeLessThanOrEqual(120);
    expect(result.response!.length).toBeLessThanOrEqual(4096);
  });
});

describe('sending to an incoming webhook of Slack', () => {
  it('posts text and blocks', async () => {
    expect(await byWebhook()).toMatchObject({ ok: true, statusCode: 200, response: 'ok' });
    expect(standIn.messages).toMatchObject([{ via: 'webhook', channel: null, text: '🔴 Execution Failed - Payment gateway timeout' }]);
  });

  it('fails for good when the webhook was removed', async () => {
    const result = await attempt({ webhook_url: `${standIn.webhookUrl}x` });
    expect(result).toMatchObject({
      ok: false,
      kind: 'permanent',
      statusCode: 404,
      error: 'Slack answered no_service: the incoming webhook was removed or disabled; make a new one and set webhook_url',
    });
  });

  it.each([
    [410, 'channel_is_archived'],
    [403, 'action_prohibited'],
    [400, 'invalid_payload'],
    [404, 'something_new'],
  ])('fails for good when Slack answers %i %s', async (status, error) => {
    standIn.refuse(() => ({ status, error }));
    expect(await byWebhook()).toMatchObject({ ok: false, kind: 'permanent', statusCode: status, error: expect.stringContaining(error) });
  });

  it('fails for good when the address is not there any more', async () => {
    standIn.refuse(() => ({ status: 410 }));
    expect(await byWebhook()).toMatchObject({ ok: false, kind: 'permanent', error: expect.stringContaining('the incoming webhook is gone') });
  });

  it('tries again when Slack wants it to, and after a fault of Slack', async () => {
    standIn.refuse(() => ({ retryAfterSeconds: 1 }));
    expect(await byWebhook()).toMatchObject({ ok: false, kind: 'retryable', retryAfterMs: 1000 });
    standIn.refuse(() => ({ status: 500, error: 'rollup_error' }));
    expect(await byWebhook()).toMatchObject({ ok: false, kind: 'retryable', error: 'Slack answered 500 Internal Server Error' });
  });

  it('takes only "ok" for a yes', async () => {
    const other = await startReceiver({ behaviour: { body: 'Welcome' } });
    expect(await attempt({ webhook_url: other.url })).toMatchObject({ ok: false, kind: 'retryable', error: 'Slack answered 200 OK without "ok"' });
    await other.close();
  });
});
