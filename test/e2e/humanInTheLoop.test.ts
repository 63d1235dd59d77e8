import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { buttonsOf, clickOn, type ClickOptions, signed, type SignedRequest } from '../support/slackClick.ts';
import { installingBrowser } from '../support/slackInstall.ts';
import { type SlackMessage, type SlackStandIn, startSlackStandIn } from '../support/slackStandIn.ts';
import { uniqueName } from '../support/stack.ts';

/** Of the app whose token somebody gave to the integration. */
const SECRET = '8f742231b10e8888abcd99yyyzzz85a5';
/** HERALD_SLACK_SIGNING_SECRET: of the installation's own app. */
const APP_SECRET = 'a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9d0';
const APP = { clientId: '12.34', clientSecret: 'very-secret' };

let herald: EngineApi;
let slack: SlackStandIn;
/** Where Slack takes words to the person who clicked. */
let whispers: Receiver;
let people: Caller;
let agentId: string;

beforeAll(async () => {
  slack = await startSlackStandIn({ app: APP });
  [herald, whispers] = await Promise.all([startEngineApi({ slack: { ...APP, signingSecret: APP_SECRET, url: slack.url } }), startReceiver()]);
  people = await herald.newCaller();
  const agent = await people.post('/v1/agents', { name: 'Refund Agent' });
  agentId = agent.body.id;
  const config = { bot_token: 'xoxb-1', signing_secret: SECRET, channel: '#operations-alerts', api_url: slack.apiUrl };
  const integration = await people.post('/v1/integrations', { name: 'approvals', type: 'slack', config, delivery: { rate_limit: null } });
  expect(integration.status, JSON.stringify(integration.body)).toBe(201);
  await tellOfQuestions(agentId, integration.body.id);
});
beforeEach(() => {
  slack.messages.length = 0;
  slack.refuseUpdates(undefined);
  whispers.received.length = 0;
});
afterAll(async () => {
  await herald.close();
  await slack.close();
  await whispers.close();
});

async function tellOfQuestions(agent: string, integrationId: string): Promise<void> {
  const subscription = { mode: 'custom', rules: [{ event: 'ExecutionAwaitingConfirmation' }, { event: 'ExecutionReminder' }] };
  const bound = await people.post(`/v1/agents/${agent}/notifications`, { integration_id: integrationId, subscription });
  expect(bound.status, JSON.stringify(bound.body)).toBe(201);
}

/** A session that asks; answers with the message in Slack. */
async function ask(asked: Record<string, unknown> = { message: 'Refund 1,240 EUR to customer 4711?' }, timeouts?: Record<string, number>, agent = agentId): Promise<{ id: string; message: SlackMessage }> {
  const id = uniqueName('session');
  await people.post('/v1/sessions', { id, agent_id: agent });
  if (timeouts) await people.patch(`/v1/sessions/${id}`, { timeouts });
  const answer = await people.post(`/v1/sessions/${id}/confirmations`, asked);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  const ofSession = () => slack.messages.find((message) => JSON.stringify(message.attachments).includes(id));
  await slack.waitFor(() => ofSession() !== undefined);
  return { id, message: ofSession()! };
}

async function post({ body, headers }: SignedRequest): Promise<number> {
  return (await fetch(`${herald.url}/slack/interactions`, { method: 'POST', body, headers })).status;
}

const click = (message: SlackMessage, label: string, options: Partial<ClickOptions> = {}) => clickOn(message, label, { secret: SECRET, ...options });
const shown = (message: SlackMessage) => JSON.stringify([message.blocks, message.attachments]);
const confirmationOf = async (id: string) => (await people.get(`/v1/sessions/${id}/confirmations`)).body.data[0]!;

describe('a question in Slack', () => {
  it('is answered by a click: the agent goes on within a second, and the message says who decided', async () => {
    const { id, message } = await ask();
    expect(message.text).toBe('🟡 Execution Awaiting Confirmation - Refund 1,240 EUR to customer 4711?');
    expect(Object.keys(buttonsOf(message))).toEqual(['Approve', 'Reject']);
    expect(shown(message)).not.toContain('decide?link');
    const agentWaits = people.get(`/v1/sessions/${id}/wait?until=decided&timeout_s=20`).then((answer) => ({ ...answer, at: performance.now() }));
    const clickedAt = performance.now();
    expect(await post(click(message, 'Approve'))).toBe(200);
    expect(performance.now() - clickedAt).toBeLessThan(3000);

    const { body, at } = await agentWaits;
    expect(body).toMatchObject({ reached: true, status: 'running', confirmation: { status: 'approved', decided_by: 'alice (Slack U0000000007)' } });
    expect(at - clickedAt).toBeLessThan(1000);
    await expect.poll(() => shown(message)).toContain('✅ Approved by alice (Slack U0000000007)');
    expect(buttonsOf(message)).toEqual({});
    const { body: events } = await people.get(`/v1/sessions/${id}/events?type=ExecutionResumed`);
    expect(events.data).toMatchObject([{ payload: { decision: 'approved', decided_by: 'alice (Slack U0000000007)' } }]);
  });

  it('is rejected by a click', async () => {
    const { id, message } = await ask();
    expect(await post(click(message, 'Reject', { user: { id: 'U1' } }))).toBe(200);
    expect((await people.get(`/v1/sessions/${id}/wait?until=decided`)).body).toMatchObject({ confirmation: { status: 'rejected', decided_by: 'somebody (Slack U1)' } });
    await expect.poll(() => shown(message)).toContain('⛔ Rejected by somebody (Slack U1)');
  });

  it('takes only what Slack has signed, lately, once', async () => {
    const { id, message } = await ask();
    const good = click(message, 'Approve');
    const forged: [string, SignedRequest][] = [
      ['another secret', click(message, 'Approve', { secret: 'not the secret' })],
      ['too old', click(message, 'Approve', { clockOffS: -301 })],
      ['from the future', click(message, 'Approve', { clockOffS: 301 })],
      ['a changed body', { ...good, body: good.body.replace('herald_approve', 'herald_reject') }],
      ['a changed time', { ...good, headers: { ...good.headers, 'X-Slack-Request-Timestamp': String(Number(good.headers['X-Slack-Request-Timestamp']) + 1) } }],
      ['no signature', { body: good.body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }],
      ['another delivery', signed(good.body.replaceAll(/dlv_[0-9a-f]{4}/g, 'dlv_ffff'), { secret: SECRET })],
      ['no payload', signed('payload=', { secret: SECRET })],
      ['nothing', signed('', { secret: SECRET })],
    ];
    for (const [what, request] of forged) expect(await post(request), what).toBe(401);
    expect(await confirmationOf(id)).toMatchObject({ status: 'pending' });
    expect(await post(good)).toBe(200);
    expect(await post(good)).toBe(401);
    await people.get(`/v1/sessions/${id}/wait?until=decided`);
    expect(await confirmationOf(id)).toMatchObject({ status: 'approved' });
  });

  it('is answered once: the second who clicks is told who was first, and nobody else', async () => {
    const { id, message } = await ask();
    const [first, second] = [click(message, 'Approve'), click(message, 'Reject', { user: { id: 'U9', name: 'bob' }, responseUrl: whispers.url })];
    expect(await post(first)).toBe(200);
    expect(await post(second)).toBe(200);
    const [whisper] = await whispers.waitFor(1);
    expect(whisper!.json).toEqual({
      response_type: 'ephemeral',
      replace_original: false,
      text: 'This question has been answered already: approved by alice (Slack U0000000007).',
    });
    expect(await confirmationOf(id)).toMatchObject({ status: 'approved', decided_by: 'alice (Slack U0000000007)' });
    expect((await people.get(`/v1/sessions/${id}/events?type=ExecutionResumed`)).body.data).toHaveLength(1);
  });

  it('shows the answer that was given elsewhere', async () => {
    const { id, message } = await ask();
    const { id: question } = await confirmationOf(id);
    await people.post(`/v1/sessions/${id}/confirmations/${question}/decision`, { decision: 'reject', reason: 'Too <much>', by: 'carol' });
    await expect.poll(() => shown(message)).toContain('⛔ Rejected by carol: Too &lt;much&gt;');
    expect(buttonsOf(message)).toEqual({});
  });

  it('shows that nobody answered in time', async () => {
    const { id, message } = await ask({ message: 'Now?', timeout_s: 3, on_timeout: 'approve' });
    expect(shown(message)).toContain('then it counts as approved');
    await expect.poll(() => shown(message)).toContain('✅ Approved: nobody answered in time');
    expect((await people.get(`/v1/sessions/${id}/wait?until=decided`)).body).toMatchObject({ confirmation: { status: 'approved', decided_by: 'timeout' } });
  });

  it('is reminded of before its time is over, and answered there as well', async () => {
    const { id, message } = await ask({ message: 'Still there?', timeout_s: 12 }, { remind_before_s: 11 });
    const reminder = () => slack.messages.find((each) => each !== message && shown(each).includes(id));
    await slack.waitFor(() => reminder() !== undefined);
    expect(await post(click(reminder()!, 'Approve'))).toBe(200);
    expect((await people.get(`/v1/sessions/${id}/wait?until=decided`)).body).toMatchObject({ confirmation: { status: 'approved' } });
    for (const each of [message, reminder()!]) await expect.poll(() => shown(each)).toContain('✅ Approved by alice');
  });

  it('shows that nobody needs an answer any more', async () => {
    const { id, message } = await ask();
    await people.post(`/v1/sessions/${id}/events`, { events: [{ type: 'ExecutionFailed', reason: 'crashed' }] });
    await expect.poll(() => shown(message)).toContain('⚪ Not needed any more');
  });

  it('shows the answer once Slack takes it again, whatever worker is there then', async () => {
    slack.refuseUpdates(() => ({ status: 503 }));
    const { id, message } = await ask();
    expect(await post(click(message, 'Approve'))).toBe(200);
    await people.get(`/v1/sessions/${id}/wait?until=decided`);
    await expect.poll(async () => (await herald.engine.db.selectFrom('deliveries').select('settled_at').where('event_type', '=', 'ExecutionAwaitingConfirmation').execute()).filter((row) => row.settled_at === null)).toHaveLength(1);
    await herald.engine.stopWorker();
    slack.refuseUpdates(undefined);
    expect(shown(message)).not.toContain('Approved by');
    await herald.engine.startWorker();
    await expect.poll(() => shown(message)).toContain('✅ Approved by alice');
  });

  it('leaves a message alone that was deleted in Slack', async () => {
    slack.refuseUpdates(() => ({ error: 'message_not_found' }));
    const { id, message } = await ask();
    expect(await post(click(message, 'Approve'))).toBe(200);
    const unsettled = async () =>
      (await herald.engine.db.selectFrom('deliveries').select('id').where('session_key', 'in', (is) => is.selectFrom('sessions').select('key').where('id', '=', id)).where('settled_at', 'is', null).execute()).length;
    await expect.poll(unsettled).toBe(0);
  });
});

describe('a question of the app that was installed with a click', () => {
  let installed: string;

  beforeAll(async () => {
    const browser = installingBrowser(herald.url);
    const { toSlack, cookie } = await browser.begin(await people.post('/v1/slack/installs', { name: 'installed', channel: '#general' }));
    expect((await browser.open(slack.oauth.allow(toSlack), cookie)).status).toBe(200);
    const integration = (await people.get('/v1/integrations')).body.data.find(({ name }) => name === 'installed')!;
    await people.patch(`/v1/integrations/${integration.id}`, { delivery: { rate_limit: null } });
    installed = (await people.post('/v1/agents', { name: 'Agent of the installed app' })).body.id;
    await tellOfQuestions(installed, integration.id);
  });

  const askThere = () => ask({ message: 'Deploy?' }, undefined, installed);

  it("is answered by a click that the installation's own app signs, and shows who decided", async () => {
    const { id, message } = await askThere();
    expect([message.channel, Object.keys(buttonsOf(message))]).toEqual(['general', ['Approve', 'Reject']]);
    expect(await post(click(message, 'Approve', { secret: APP_SECRET }))).toBe(200);
    expect((await people.get(`/v1/sessions/${id}/wait?until=decided&timeout_s=20`)).body).toMatchObject({ confirmation: { status: 'approved', decided_by: 'alice (Slack U0000000007)' } });
    await expect.poll(() => shown(message)).toContain('✅ Approved by alice (Slack U0000000007)');
  });

  it('is not answered from another workspace where the app is installed', async () => {
    const { id, message } = await askThere();
    for (const team of ['T0000000002', '']) expect(await post(click(message, 'Reject', { secret: APP_SECRET, team }))).toBe(200);
    expect(await confirmationOf(id)).toMatchObject({ status: 'pending' });
    expect((await people.get(`/v1/sessions/${id}/events`)).body.data.map(({ type }) => type)).not.toContain('ExecutionResumed');
    expect(await post(click(message, 'Approve', { secret: APP_SECRET }))).toBe(200);
    expect((await people.get(`/v1/sessions/${id}/wait?until=decided&timeout_s=20`)).body).toMatchObject({ confirmation: { status: 'approved' } });
  });

  it("is not answered with another app's signature, nor is that app's own question with this one's", async () => {
    const [there, here] = [await askThere(), await ask()];
    expect(await post(click(there.message, 'Approve', { secret: SECRET }))).toBe(401);
    expect(await post(click(here.message, 'Approve', { secret: APP_SECRET }))).toBe(401);
    for (const { id } of [there, here]) expect(await confirmationOf(id)).toMatchObject({ status: 'pending' });
  });
});
