import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SecretBox } from '../../store/secrets.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { type Caller, firstCaller, newCaller, withScopes } from '../support/caller.ts';
import { installingBrowser, type Page } from '../support/slackInstall.ts';
import { type SlackStandIn, startSlackStandIn } from '../support/slackStandIn.ts';

let slack: SlackStandIn;
let api: TestApi;
let caller: Caller;

beforeAll(async () => {
  slack = await startSlackStandIn({ app: { clientId: '12.34', clientSecret: 'very-secret' }, channels: [{ name: 'operations-alerts' }, { name: 'night-shift' }] });
  api = await startTestApi({ slack: { clientId: '12.34', clientSecret: 'very-secret', url: slack.url } });
  caller = firstCaller(api);
});
beforeEach(() => slack.refuseCalls(undefined));
afterAll(async () => {
  await api.close();
  await slack.close();
});

const open = (url: string, cookie?: string) => installingBrowser(api.url).open(url, cookie);

/** Begins an install: the page that leads to Slack, where it leads, and the browser's cookie. */
const begin = async (body?: unknown, by = caller) => installingBrowser(api.url).begin(await by.post('/v1/slack/installs', body));

async function slackIntegrations(of = caller) {
  return (await of.get('/v1/integrations?type=slack')).body.data;
}

async function botToken(id: string): Promise<unknown> {
  const { secrets } = await api.db.selectFrom('integrations').select('secrets').where('id', '=', id).executeTakeFirstOrThrow();
  return new SecretBox(api.settings.secretKey).open(secrets).bot_token;
}

describe('installing the Slack app with a click', () => {
  test('makes an integration of the organisation that began it, with the token sealed', async () => {
    const owner = await newCaller(api);
    const { page, toSlack, cookie } = await begin({ name: 'alerts', channel: '#operations-alerts' }, owner);
    expect(page.status).toBe(200);
    expect(page.text).toContain('the organisation “test”');
    const authorize = new URL(toSlack);
    expect(authorize.origin + authorize.pathname).toBe(`${slack.url}/oauth/v2/authorize`);
    expect(authorize.searchParams.get('scope')).toBe('chat:write,channels:read,groups:read,channels:join');
    expect(authorize.searchParams.get('redirect_uri')).toBe('http://herald.test/slack/oauth/callback');

    const done = await open(slack.oauth.allow(toSlack), cookie);
    expect(done).toMatchObject({ status: 200, text: expect.stringContaining('Stand-in') });
    const [integration] = await slackIntegrations(owner);
    expect(integration).toMatchObject({
      name: 'alerts',
      enabled: true,
      config: { channel: '#operations-alerts', api_url: slack.apiUrl, team: { id: 'T0000000001', name: 'Stand-in' } },
    });
    const token = await botToken(integration!.id);
    expect(token).toBe(slack.oauth.tokens.at(-1));
    const row = await api.db.selectFrom('integrations').selectAll().where('id', '=', integration!.id).executeTakeFirstOrThrow();
    for (const shown of [row, integration, done.text, page.text, api.logged]) expect(JSON.stringify(shown)).not.toContain(token);
    expect(await slackIntegrations()).toEqual([]);
    const listed = await owner.get(`/v1/integrations/${integration!.id}/channels`);
    expect(listed.body.data.map(({ name }) => name)).toEqual(['operations-alerts', 'night-shift']);
  });

  test('gives an integration its new token, and enables it when Herald had disabled it', async () => {
    const config = { bot_token: 'xoxb-revoked', channel: '#night-shift', api_url: slack.apiUrl };
    const { body: old } = await caller.post('/v1/integrations', { name: 'old', type: 'slack', config });
    await api.db.updateTable('integrations').set({ enabled: false, disabled_reason: 'token_revoked' }).where('id', '=', old.id).execute();
    const { toSlack, cookie } = await begin({ integration_id: old.id });
    expect((await open(slack.oauth.allow(toSlack), cookie)).status).toBe(200);
    expect((await caller.get(`/v1/integrations/${old.id}`)).body).toMatchObject({ name: 'old', enabled: true, disabled_reason: null, config: { channel: '#night-shift' } });
    expect(await botToken(old.id)).toBe(slack.oauth.tokens.at(-1));
    const patched = await caller.patch(`/v1/integrations/${old.id}`, { config: { channel: '#operations-alerts' } });
    expect(patched.body).toMatchObject({ config: { channel: '#operations-alerts', team: { name: 'Stand-in' } } });
  });

  test('without a default channel lets every notification choose, and insists on it', async () => {
    const owner = await newCaller(api);
    const { toSlack, cookie } = await begin(undefined, owner);
    await open(slack.oauth.allow(toSlack), cookie);
    const [integration] = await slackIntegrations(owner);
    expect(integration).toMatchObject({ name: 'Slack' });
    const { body: agent } = await owner.post('/v1/agents', { name: 'orders' });
    const binding = { integration_id: integration!.id, subscription: { mode: 'all' } };
    expect((await owner.post(`/v1/agents/${agent.id}/notifications`, binding)).body).toMatchObject({ status: 400, field: 'channel' });
    expect((await owner.post(`/v1/agents/${agent.id}/notifications`, { ...binding, channel: 'two words' })).body).toMatchObject({ status: 400, field: 'channel' });
    expect((await owner.post(`/v1/agents/${agent.id}/notifications`, { ...binding, channel: '#night-shift' })).status).toBe(201);
  });
});

describe('an answer of Slack', () => {
  async function expectRefused(page: Page, text: string): Promise<void> {
    expect(page.text).toContain(text);
    expect(page.status).toBe(400);
  }

  test('in another browser than the one that began changes nothing', async () => {
    const before = await slackIntegrations();
    const [one, other] = [await begin(), await begin()];
    for (const cookie of [undefined, other.cookie]) await expectRefused(await open(slack.oauth.allow(one.toSlack), cookie), 'does not belong to an install that was begun in this browser');
    expect(await slackIntegrations()).toEqual(before);
  });

  test('with a forged or missing state changes nothing', async () => {
    const { toSlack, cookie } = await begin();
    const address = new URL(slack.oauth.allow(toSlack));
    address.searchParams.set('state', 'forged');
    await expectRefused(await open(address.href, cookie), 'does not belong');
    await expectRefused(await open(address.href, 'slack-app-oauth-state=forged'), 'does not belong');
    address.searchParams.delete('state');
    await expectRefused(await open(address.href, cookie), 'does not belong');
  });

  test('counts once: neither the address nor the link can be used again', async () => {
    const { toSlack, cookie } = await begin({ name: 'once' });
    const address = slack.oauth.allow(toSlack);
    expect((await open(address, cookie)).status).toBe(200);
    await expectRefused(await open(address, cookie), 'used already');
    await expectRefused(await open(slack.oauth.allow(toSlack), cookie), 'used already');
    expect((await slackIntegrations()).filter(({ name }) => name === 'once')).toHaveLength(1);
  });

  test('of two at once makes one integration', async () => {
    const { toSlack, cookie } = await begin({ name: 'twice' });
    const pages = await Promise.all([open(slack.oauth.allow(toSlack), cookie), open(slack.oauth.allow(toSlack), cookie)]);
    expect(new Set(pages.map(({ status }) => status))).toEqual(new Set([200, 400]));
    expect((await slackIntegrations()).filter(({ name }) => name === 'twice')).toHaveLength(1);
  });

  test('that says no, or comes with a code that is none, is explained', async () => {
    const { toSlack, cookie } = await begin();
    const address = new URL(slack.oauth.allow(toSlack));
    address.searchParams.set('code', 'guessed');
    await expectRefused(await open(address.href, cookie), 'Slack refused: invalid_code');
    await expectRefused(await open('http://herald.test/slack/oauth/callback?error=access_denied', cookie), 'It was not allowed in Slack');
  });

  test('cannot be had while Slack is broken; the link stays good', async () => {
    const { toSlack, cookie } = await begin({ name: 'second try' });
    slack.refuseCalls(() => ({ status: 500 }));
    await expectRefused(await open(slack.oauth.allow(toSlack), cookie), 'Open the link again');
    slack.refuseCalls(undefined);
    expect((await open(slack.oauth.allow(toSlack), cookie)).status).toBe(200);
  });
});

describe('beginning an install', () => {
  test('needs an admin key, and an integration of Slack in the own organisation', async () => {
    const { body: hook } = await caller.post('/v1/integrations', { name: 'hook', type: 'webhook', config: { url: 'https://hooks.example.com/x' } });
    expect((await (await withScopes(api, caller, ['ingest'])).post('/v1/slack/installs', {})).status).toBe(403);
    expect((await caller.post('/v1/slack/installs', { integration_id: hook.id })).body).toMatchObject({ status: 400, field: 'integration_id' });
    expect((await caller.post('/v1/slack/installs', { channel: '<!here>' })).body).toMatchObject({ status: 400, field: 'channel' });
    expect((await (await newCaller(api)).post('/v1/slack/installs', { integration_id: hook.id })).status).toBe(404);
  });

  test('leads nowhere with a ticket that is unknown or too old', async () => {
    const { body } = await caller.post('/v1/slack/installs', {});
    await api.db.updateTable('slack_installs').set({ expires_at: new Date(Date.now() - 1000) }).execute();
    for (const url of [String(body.url), 'http://herald.test/slack/install?ticket=x', 'http://herald.test/slack/install']) {
      expect(await open(url)).toMatchObject({ status: 404, cookie: null });
    }
  });

  test('is refused by an installation without a Slack app, and says how to get one', async () => {
    const plain = await startTestApi();
    expect((await firstCaller(plain).post('/v1/slack/installs', {})).body).toMatchObject({ status: 409, detail: expect.stringContaining('HERALD_SLACK_CLIENT_ID') });
    expect((await fetch(`${plain.url}/slack/install?ticket=x`)).status).toBe(404);
    await plain.close();
  });
});

describe('the list of channels', () => {
  test('is paged, searched, and scoped by organisation', async () => {
    const config = { bot_token: 'xoxb-1', channel: '#operations-alerts', api_url: slack.apiUrl };
    const { body: integration } = await caller.post('/v1/integrations', { name: 'list', type: 'slack', config });
    const path = `/v1/integrations/${integration.id}/channels`;
    const first = await caller.get(`${path}?limit=1`);
    const second = await caller.get(`${path}?limit=1&cursor=${first.body.next_cursor}`);
    expect([...first.body.data, ...second.body.data]).toMatchObject([{ name: 'operations-alerts', member: true, private: false }, { name: 'night-shift' }]);
    expect((await caller.get(`${path}?search=NIGHT`)).body).toMatchObject({ data: [{ name: 'night-shift' }], next_cursor: null });
    expect((await caller.get(`${path}?cursor=x`)).body).toMatchObject({ status: 400, field: 'cursor' });
    expect((await (await newCaller(api)).get(path)).status).toBe(404);
  });

  test('tells what Slack said', async () => {
    const config = { bot_token: 'xoxb-1', channel: '#operations-alerts', api_url: slack.apiUrl };
    const { body: integration } = await caller.post('/v1/integrations', { name: 'broken', type: 'slack', config });
    const path = `/v1/integrations/${integration.id}/channels`;
    slack.refuseCalls(() => ({ error: 'token_revoked' }));
    expect((await caller.get(path)).body).toMatchObject({ status: 502, detail: expect.stringContaining('was revoked') });
    slack.refuseCalls(() => ({ retryAfterSeconds: 7 }));
    const busy = await caller.get(path);
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '7']);
  });

  test('is empty where there is nothing to choose', async () => {
    const { body: hook } = await caller.post('/v1/integrations', { name: 'hook', type: 'webhook', config: { url: 'https://hooks.example.com/x' } });
    expect((await caller.get(`/v1/integrations/${hook.id}/channels`)).body).toEqual({ data: [], next_cursor: null });
  });
});
