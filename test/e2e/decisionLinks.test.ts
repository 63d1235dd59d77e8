import { existsSync } from 'node:fs';
import { sql } from 'kysely';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../model/types.ts';
import { createDecisionLinks } from '../../store/decisionLinks.ts';
import type { Caller } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { type SlackStandIn, startSlackStandIn } from '../support/slackStandIn.ts';
import { uniqueName } from '../support/stack.ts';

const CHROMIUM = '/usr/bin/chromium';

let herald: EngineApi;
let receiver: Receiver;
let slack: SlackStandIn;
let people: Caller;
let agentId: string;

beforeAll(async () => {
  [herald, receiver, slack] = await Promise.all([startEngineApi(), startReceiver(), startSlackStandIn()]);
  people = await herald.newCaller();
  agentId = (await people.post('/v1/agents', { name: 'Refund <Agent>' })).body.id;
  for (const [type, config] of [['webhook', { url: receiver.url }], ['slack', { webhook_url: slack.webhookUrl }]] as const) {
    const { body } = await people.post('/v1/integrations', { name: `${type} approvals`, type, config, delivery: { rate_limit: null } });
    await people.post(`/v1/agents/${agentId}/notifications`, {
      integration_id: body.id,
      subscription: { mode: 'custom', rules: [{ event: 'ExecutionAwaitingConfirmation' }] },
    });
  }
});
beforeEach(() => {
  receiver.received.length = 0;
  receiver.behave({});
  slack.messages.length = 0;
});
afterAll(async () => {
  await herald.close();
  await Promise.all([receiver.close(), slack.close()]);
});

interface Asked {
  id: string;
  /** `decision_url` of the webhook, at this API's address. */
  link: string;
  confirmation: { decision_url: string };
}

async function ask(asked: Record<string, unknown> = { message: 'Refund 1,240 EUR?' }): Promise<Asked> {
  const id = uniqueName('session');
  await people.post('/v1/sessions', { id, agent_id: agentId });
  await people.post(`/v1/sessions/${id}/events`, { events: [{ type: 'ExecutionAwaitingConfirmation', ...asked }] });
  const info = () => receiver.received.map(({ json }) => (json as { info: JsonObject }).info).find((each) => each.execution_id === id);
  await receiver.waitFor(() => info() !== undefined);
  const confirmation = info()!.confirmation as { decision_url: string };
  return { id, confirmation, link: here(confirmation.decision_url) };
}

/** The installation's address is another one than the test's. */
const here = (url: string) => url.replace('http://herald.test', herald.url);

async function open(link: string): Promise<{ status: number; headers: Headers; html: string }> {
  const response = await fetch(link);
  return { status: response.status, headers: response.headers, html: await response.text() };
}

async function answer(link: string, form: Record<string, string>): Promise<{ status: number; html: string }> {
  const response = await fetch(link, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
  return { status: response.status, html: await response.text() };
}

const confirmationOf = async (id: string) => (await people.get(`/v1/sessions/${id}/confirmations`)).body.data[0]!;

describe('a decision link', () => {
  it('shows what is asked and changes nothing, however often it is opened', async () => {
    const { id, link, confirmation } = await ask({ message: 'Refund 1,240 EUR?', order: { number: 4711 } });
    expect(confirmation).toMatchObject({ status: 'pending', on_timeout: 'reject' });
    for (let round = 0; round < 3; round += 1) {
      const { status, html } = await open(link);
      expect(status).toBe(200);
      expect(html).toContain('Refund &lt;Agent&gt; asks for a decision');
      expect(html).toContain('Refund 1,240 EUR?');
      expect(html).toContain('&quot;number&quot;: 4711');
      expect(html).toContain('Without an answer it counts as rejected');
    }
    expect((await fetch(link, { method: 'HEAD' })).status).toBe(200);
    expect(await confirmationOf(id)).toMatchObject({ status: 'pending' });
    expect((await people.get(`/v1/sessions/${id}`)).body.status).toBe('awaiting_confirmation');
  });

  it('answers the question once, and says so to whoever comes later', async () => {
    const { id, link } = await ask();
    const agentWaits = people.get(`/v1/sessions/${id}/wait?until=decided&timeout_s=20`);
    const first = await answer(link, { decision: 'approve', name: 'Dave <b>', reason: 'It is "fine" & good' });
    expect(first.status).toBe(200);
    expect(first.html).toContain('Approved by Dave &lt;b&gt; (link in webhook approvals)');
    expect(first.html).toContain('It is &quot;fine&quot; &amp; good');
    expect((await agentWaits).body).toMatchObject({ reached: true, confirmation: { status: 'approved', decided_by: 'Dave <b> (link in webhook approvals)', reason: 'It is "fine" & good' } });

    for (const decision of ['approve', 'reject']) {
      const again = await answer(link, { decision });
      expect([again.status, again.html.includes('This link has been used.')]).toEqual([409, true]);
    }
    const opened = await open(link);
    expect([opened.status, opened.html.includes('This link has been used.'), opened.html.includes('<form')]).toEqual([200, true, false]);
    expect((await people.get(`/v1/sessions/${id}/events?type=ExecutionResumed`)).body.data).toHaveLength(1);
  });

  it('answers once although many click at the same time', async () => {
    const { id, link } = await ask();
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => answer(link, { decision: index % 2 ? 'approve' : 'reject', name: `person ${index}` })));
    const { body } = await people.get(`/v1/sessions/${id}/wait?until=decided`);
    const { status, decided_by: decidedBy } = body.confirmation as { status: string; decided_by: string };
    const right = answers.filter(({ status: code }) => code === 200);
    expect(right.length).toBeGreaterThanOrEqual(1);
    for (const { html } of answers) expect(html).toContain(`${status === 'approved' ? 'Approved' : 'Rejected'} by ${decidedBy}`);
    expect((await people.get(`/v1/sessions/${id}/events?type=ExecutionResumed`)).body.data).toHaveLength(1);
  });

  it('says that the question was answered elsewhere', async () => {
    const { id, link } = await ask();
    await people.post(`/v1/sessions/${id}/confirmations/${(await confirmationOf(id)).id}/decision`, { decision: 'reject', by: 'carol' });
    await people.get(`/v1/sessions/${id}/wait?until=decided`);
    const { html } = await open(link);
    expect(html).toContain('Rejected by carol');
    expect(html).toContain('This question has been answered already.');
    expect((await answer(link, { decision: 'approve' })).status).toBe(409);
  });

  it('ends with its time', async () => {
    const { id, link } = await ask({ message: 'Now?', timeout_s: 1 });
    await people.get(`/v1/sessions/${id}/wait?until=decided&timeout_s=20`);
    expect((await open(link)).html).toContain('because nobody answered in time');
    const delivery = (await people.get(`/v1/sessions/${id}/deliveries`)).body.data[0]!;
    const other = await ask();
    const { id: deliveryId } = (await people.get(`/v1/sessions/${other.id}/deliveries`)).body.data.find((each) => each.id !== delivery.id)!;
    const past = createDecisionLinks(herald.engine.settings.secretKey).make({ deliveryId, expiresAt: new Date(Date.now() - 1000) })!;
    for (const page of [await open(`${herald.url}/decide?link=${past}`), await answer(`${herald.url}/decide?link=${past}`, { decision: 'approve' })]) {
      expect([page.status, page.html.includes('This link has expired')]).toEqual([410, true]);
    }
    expect(await confirmationOf(other.id)).toMatchObject({ status: 'pending' });
  });

  it('is no link when anything about it was changed', async () => {
    const { id, link } = await ask();
    const text = new URL(link).searchParams.get('link')!;
    const strangers = createDecisionLinks('a secret key of some other installation');
    const { id: deliveryId } = (await people.get(`/v1/sessions/${id}/deliveries`)).body.data[0]!;
    const others = [
      ...[0, 10, 25, 40, text.length - 2].map((at) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)),
      text.slice(0, -1),
      `${text}=`,
      strangers.make({ deliveryId, expiresAt: new Date(Date.now() + 60_000) })!,
      '',
      'x',
    ];
    for (const other of others) expect((await answer(`${herald.url}/decide?link=${encodeURIComponent(other)}`, { decision: 'approve' })).status, other).toBe(404);
    expect((await open(`${herald.url}/decide`)).status).toBe(404);
    expect(await confirmationOf(id)).toMatchObject({ status: 'pending' });
  });

  it.each<[string, Record<string, string>]>([
    ['no decision', {}],
    ['another decision', { decision: 'maybe' }],
    ['a reason that is too long', { decision: 'approve', reason: 'x'.repeat(1001) }],
    ['a name that cannot be stored', { decision: 'approve', name: 'nul \0' }],
  ])('takes no form with %s', async (_, form) => {
    const { id, link } = await ask();
    const { status, html } = await answer(link, form);
    expect([status, html.includes('role="alert"')]).toEqual([400, true]);
    expect(await confirmationOf(id)).toMatchObject({ status: 'pending' });
  });

  it('stays the same over attempts, and is stored nowhere', async () => {
    let attempts = 0;
    receiver.behave((received) => {
      attempts += 1;
      return { status: attempts === 1 ? 500 : 200, body: received.body };
    });
    const { id, link } = await ask();
    const ofSession = () => receiver.received.filter(({ body }) => body.includes(id));
    await receiver.waitFor(() => ofSession().length === 2);
    const text = new URL(link).searchParams.get('link')!;
    for (const { body } of ofSession()) expect(body).toContain(text);
    const [delivery] = (await people.get(`/v1/sessions/${id}/deliveries`)).body.data.filter(({ channel }) => channel === null);
    await expect.poll(async () => (await people.get(`/v1/deliveries/${delivery!.id}`)).body.status).toBe('delivered');
    const { rows } = await everythingStored(herald);
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.filter((row) => row.includes(text.slice(0, 20)))).toEqual([]);
    expect(rows.some((row) => row.includes('link=(hidden)'))).toBe(true);
  });

  it('comes with the message of an incoming webhook of Slack, too', async () => {
    const { id } = await ask();
    await slack.waitFor((messages) => messages.some(({ attachments }) => JSON.stringify(attachments).includes(id)));
    const message = slack.messages.find(({ attachments }) => JSON.stringify(attachments).includes(id))!;
    const link = /<([^|>]+)\|Approve or reject>/.exec(JSON.stringify(message.attachments))![1]!;
    expect((await answer(here(link), { decision: 'reject', name: 'eve' })).html).toContain('Rejected by eve (link in slack approvals)');
    expect((await people.get(`/v1/sessions/${id}/wait?until=decided`)).body).toMatchObject({ confirmation: { status: 'rejected' } });
  });
});

describe('the page', () => {
  const attack = '</dd><script>document.title = "hacked"</script><img src=x onerror="document.title=1"><style>*{display:none}</style>';

  it('lets nothing in and nothing out', async () => {
    const { link } = await ask({ message: attack, [attack]: attack });
    const { html, headers } = await open(link);
    expect(html).not.toContain('<script');
    expect(html).not.toContain('<img');
    expect(html.match(/<[^>]*\b(?:href|src|action|on\w+)=/g)).toBeNull();
    const policy = headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/);
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.runIf(existsSync(CHROMIUM))('is answered in a browser, which shows no script of the question and all of the style', async () => {
    const { id, link } = await ask({ message: attack });
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    try {
      const page = await browser.newPage();
      await page.goto(link);
      expect(await page.title()).toBe('Refund <Agent> asks for a decision');
      expect(await page.getByText('document.title = "hacked"').count()).toBeGreaterThan(0);
      expect(await page.evaluate('getComputedStyle(document.querySelector(".approve")).backgroundColor')).toBe('rgb(10, 125, 51)');
      await page.getByLabel('Your name').fill('Frank');
      await page.getByLabel('Reason').fill('Looks right');
      await page.getByRole('button', { name: 'Approve' }).click();
      await page.getByRole('heading', { name: 'Approved by Frank (link in webhook approvals)' }).waitFor();
      await page.goto(link);
      await page.getByText('This link has been used.').waitFor();
    } finally {
      await browser.close();
    }
    expect(await confirmationOf(id)).toMatchObject({ status: 'approved', reason: 'Looks right' });
  });
});

/** Every row of every table, as text. */
async function everythingStored({ engine }: EngineApi): Promise<{ rows: string[] }> {
  const tables = await sql<{ name: string }>`select tablename as name from pg_tables where schemaname = 'public'`.execute(engine.db);
  const rows = await Promise.all(tables.rows.map(({ name }) => sql<{ row: string }>`select t::text as row from ${sql.table(name)} t`.execute(engine.db)));
  return { rows: rows.flatMap((each) => each.rows.map(({ row }) => row)) };
}
