import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embeddedDatabaseUrl } from '../../embedded/postgres.ts';
import { readPorts } from '../../embedded/ports.ts';
import { type Db, openDatabase } from '../../store/database.ts';
import { openTemporalClient } from '../../temporal/connect.ts';
import { type AnswerBody, type Caller, callerOf, type JsonAnswer } from '../support/caller.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { type SlackStandIn, startSlackStandIn } from '../support/slackStandIn.ts';
import { newDataDir, type StartedHerald, startHerald, unusedPort } from '../support/startedHerald.ts';
import { filesAsText, findSecrets, tablesAsText, type Trace, workflowsAsText } from '../support/traces.ts';

const PATIENCE_MS = 120_000;
const FAST = JSON.stringify({ send: { retrySchedule: [0, 200] }, session: { lingerMs: 300 } });

const app = { HERALD_SLACK_CLIENT_ID: '12.34', HERALD_SLACK_CLIENT_SECRET: random(), HERALD_SLACK_SIGNING_SECRET: random() };
const env = { ...app, PORT: '', HERALD_DATA_DIR: newDataDir(), HERALD_SECRET_KEY: random(), HERALD_LOG_LEVEL: 'trace', HERALD_TIMINGS: FAST };
/** Files that their owner alone may read, and Postgres' own, whose tables are read instead. */
const KEPT_SECRET = ['api-key', 'secret-key', 'postgres-password', 'postgres'];
/** Everything that nobody but its owner may see, by what it is. */
const secrets: Record<string, string> = {
  'the secret key': env.HERALD_SECRET_KEY,
  "the Slack app's client secret": app.HERALD_SLACK_CLIENT_SECRET,
  "the Slack app's signing secret": app.HERALD_SLACK_SIGNING_SECRET,
};
/** What an answer shows once, to whoever asked for it. */
const SHOWN_ONCE: Record<string, string> = {
  'POST /v1/integrations': 'secret',
  'POST /v1/integrations/{id}/rotate-secret': 'secret',
  'POST /v1/api_keys': 'key',
  'POST /v1/slack/installs': 'url',
};
/** Appears wherever events do: what finds it would find a secret. */
const CONTROL = 'control-8b1f2c';

let herald: StartedHerald;
let receiver: Receiver;
let slack: SlackStandIn;
let caller: Caller;
let url: string;
let output = '';
const answers: Trace[] = [];
const sent = new Set<string>();
let confirmation = '';

function random(): string {
  return randomBytes(24).toString('hex');
}

beforeAll(async () => {
  [receiver, slack] = await Promise.all([startReceiver(), startSlackStandIn()]);
  env.PORT = String(await unusedPort());
  url = `http://127.0.0.1:${env.PORT}`;
  herald = startHerald(env);
  await herald.ready();
  const printed = readFileSync(path.join(env.HERALD_DATA_DIR, 'api-key'), 'utf8').trim();
  // The first key is printed at each start, on purpose; what a second one does is watched.
  const { body } = await callerOf(url, 'first', printed).post('/v1/api_keys', { name: 'second', scopes: ['admin', 'ingest'] });
  caller = callerOf(url, 'first', body.key as string);
  secrets['an API key'] = caller.key;
}, PATIENCE_MS);

afterAll(async () => {
  await herald?.end('SIGINT');
  await Promise.all([receiver?.close(), slack?.close()]);
  rmSync(path.dirname(env.HERALD_DATA_DIR), { recursive: true, force: true });
});

interface Sending {
  /** For `{id}` in the route. */
  id?: string;
  body?: unknown;
  status?: number;
}

/** Calls a route that changes something, twice with one Idempotency-Key where it takes one, and keeps what it answers but for what it shows once. */
async function send(route: string, { id = '', body, status = 200 }: Sending): Promise<JsonAnswer> {
  const [method, template] = route.split(' ') as [string, string];
  const address = template.replace('{id}', encodeURIComponent(id)).replace('{cid}', confirmation);
  const key = { 'Idempotency-Key': random() };
  const answer = method === 'PATCH' ? await caller.patch(address, body) : await caller.post(address, body, key);
  expect(answer.status, `${route}: ${JSON.stringify(answer.body)}`).toBe(status);
  if (method === 'POST') expect((await caller.post(address, body, key)).body).toEqual(answer.body);
  const { [SHOWN_ONCE[route] ?? '']: _, ...kept } = answer.body;
  answers.push({ where: `the answer of ${route}`, text: JSON.stringify(kept) });
  sent.add(route);
  return answer;
}

async function integration(name: string, type: string, config: Record<string, unknown>): Promise<string> {
  const answer = await send('POST /v1/integrations', { body: { name, type, config }, status: 201 });
  if (typeof answer.body.secret === 'string') secrets[`the signing secret of ${name}`] = answer.body.secret;
  return answer.body.id;
}

/** Reports one event with the AgentOps routes, whose token is a secret too, and one with Herald's own. */
async function reportFrom(session: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const created = await fetch(`${url}/v2/create_session`, {
    method: 'POST',
    headers: { ...headers, 'X-Agentops-Api-Key': caller.key },
    body: JSON.stringify({ session: { session_id: session, agent_name: 'orders', tags: [`marker:${CONTROL}`] } }),
  });
  const { jwt, ...rest } = (await created.json()) as { jwt: string };
  answers.push({ where: 'the answer of POST /v2/create_session', text: JSON.stringify(rest) });
  secrets[`the token of ${session}`] = jwt;
  const stored = await fetch(`${url}/v2/create_events`, {
    method: 'POST',
    headers: { ...headers, Authorization: `Bearer ${jwt}` },
    body: JSON.stringify({ events: [{ id: `${session}-1`, type: 'Reported', note: CONTROL }] }),
  });
  expect(stored.status).toBe(200);
  await caller.post(`/v1/sessions/${session}/events`, { events: [{ id: `${session}-2`, type: 'ExecutionFailed', reason: CONTROL }] });
  await expect
    .poll(async () => (await caller.get(`/v1/deliveries?session_id=${session}&limit=200`)).body.data.map(({ status }) => status), { timeout: 40_000 })
    .toSatisfy((statuses: string[]) => statuses.length >= 8 && statuses.every((status) => status === 'delivered' || status === 'failed'));
}

/** Calls every other route that changes something. */
async function changeEverything(agent: string, hook: string, headers: Record<string, string>): Promise<void> {
  const refused = random();
  secrets['a secret in a refused request'] = refused;
  const configs = [
    ['slack', { bot_token: `xoxb ${refused}`, channel: '#operations-alerts' }],
    ['slack', { bot_token: 'xoxb-1', signing_secret: `${refused} x`, channel: '#operations-alerts' }],
    ['slack', { webhook_url: `hooks.slack.com/services/${refused}` }],
    ['webhook', { url: receiver.url, headers: { 'X-Secret': `${refused}\n` } }],
    ['webhook', { url: receiver.url, headers: { 'webhook-id': refused } }],
  ];
  for (const [type, config] of configs) await send('POST /v1/integrations', { body: { name: 'refused', type, config }, status: 400 });
  await send('PATCH /v1/integrations/{id}', { id: hook, body: { name: 'hook', config: { headers } } });
  await send('POST /v1/integrations/{id}/test', { id: hook, body: {}, status: 202 });
  const { body: install } = await send('POST /v1/slack/installs', { body: { name: 'installed' }, status: 201 });
  secrets['the ticket of an install'] = new URL(String(install.url)).href.split(/[/=]/).at(-1)!;
  const { body: third } = await send('POST /v1/api_keys', { body: { name: 'third', scopes: ['ingest'] }, status: 201 });
  secrets['another API key'] = third.key as string;
  await send('PATCH /v1/agents/{id}', { id: agent, body: { name: 'orders' } });
  await send('PATCH /v1/organisation', { body: { timeouts: { idle_s: 86_400 } } });
  const [notification] = (await caller.get('/v1/notifications')).body.data as [AnswerBody];
  await send('PATCH /v1/notifications/{id}', { id: notification.id, body: { enabled: true } });
  await send('POST /v1/notifications/{id}/preview', { id: notification.id, body: { event: { type: 'ExecutionFailed' } } });

  const id = 'asked';
  await send('POST /v1/sessions', { body: { id, agent_id: agent, tags: [`marker:${CONTROL}`] }, status: 201 });
  await send('PATCH /v1/sessions/{id}', { id, body: { timeouts: { idle_s: 86_400 } } });
  await send('POST /v1/sessions/{id}/events', { id, body: { events: [{ type: 'Reported', note: CONTROL }] } });
  await send('POST /v1/sessions/{id}/pause', { id, body: { reason: CONTROL } });
  await send('POST /v1/sessions/{id}/resume', { id, body: {} });
  await send('POST /v1/sessions/{id}/messages', { id, body: { message: CONTROL } });
  confirmation = (await send('POST /v1/sessions/{id}/confirmations', { id, body: { message: CONTROL }, status: 201 })).body.id;
  await noteDecisionLinks();
  await send('POST /v1/sessions/{id}/confirmations/{cid}/decision', { id, body: { decision: 'approve' } });
  await send('POST /v1/sessions/{id}/cancel', { id, body: {} });

  const [dead] = (await caller.get('/v1/deliveries?status=failed')).body.data as [AnswerBody];
  await send('POST /v1/deliveries/{id}/retry', { id: dead.id, status: 202 });
  const [delivered] = (await caller.get('/v1/deliveries?status=delivered')).body.data as [AnswerBody];
  await send('POST /v1/deliveries/{id}/cancel', { id: delivered.id, status: 409 });
}

/** Whoever asks by webhook gets links with which anybody may answer. */
async function noteDecisionLinks(): Promise<void> {
  const links = () => new Set([...receiver.received.map(({ body }) => body), ...slack.messages.map((message) => JSON.stringify(message))].flatMap((text) => Array.from(text.matchAll(/decide\?link=([\w-]+)/g), ([, link]) => link!)));
  await receiver.waitFor((all) => all.some(({ path: at, body }) => at === '/failing' && body.includes('decide?link=')));
  await slack.waitFor((messages) => messages.some(({ via, attachments }) => via === 'webhook' && JSON.stringify(attachments).includes('decide?link=')));
  for (const [index, link] of Array.from(links()).entries()) {
    secrets[`decision link ${index}`] = link;
    expect((await fetch(`${url}/decide?link=${link}`)).status).toBe(200);
  }
}

/** What every read of the description answers, for every id there is. */
async function readEverything(): Promise<void> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, Record<string, unknown>> };
  for (const [route, methods] of Object.entries(document.paths)) {
    if (!('get' in methods) || !route.startsWith('/v1/') || route.endsWith('/stream')) continue;
    const list = `/v1/${route.split('/')[2]}`;
    const ids = route.includes('{id}') ? (await caller.get(list)).body.data.map(({ id }) => id) : [''];
    for (const id of ids) {
      const address = route.replace('{id}', encodeURIComponent(id)).replace('{cid}', confirmation);
      answers.push({ where: `the answer of GET ${address}`, text: JSON.stringify((await caller.get(address)).body) });
    }
  }
}

/** Every documented route of Herald's own API that changes something. */
async function changing(): Promise<Set<string>> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, Record<string, unknown>> };
  const routes = Object.entries(document.paths).flatMap(([route, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${route}`));
  return new Set(routes.filter((route) => /^(POST|PATCH) \/v1\//.test(route)));
}

async function everyTrace(): Promise<Trace[]> {
  const db: Db = openDatabase(embeddedDatabaseUrl(env.HERALD_DATA_DIR)!);
  const client = openTemporalClient({ address: `127.0.0.1:${readPorts(env.HERALD_DATA_DIR).temporal}`, namespace: 'default' });
  try {
    const tables = await tablesAsText(db);
    const workflows = await workflowsAsText(client);
    return [{ where: 'the output', text: output + herald.output() }, ...answers, ...tables, ...workflows, ...filesAsText(env.HERALD_DATA_DIR, KEPT_SECRET)];
  } finally {
    await client.connection.close();
    await db.destroy();
  }
}

test('no secret is found in logs, answers, tables, workflow histories or what the Temporal UI shows, before and after its key is rotated', async () => {
  secrets['a header of a webhook'] = `Bearer ${random()}`;
  secrets['a bot token of Slack'] = `xoxb-${random()}`;
  secrets['a signing secret of Slack'] = random();
  const hook = await integration('hook', 'webhook', { url: `${receiver.url}/good`, headers: { 'X-Secret': secrets['a header of a webhook'] } });
  const ids = [
    hook,
    await integration('failing', 'webhook', { url: `${receiver.url}/failing` }),
    await integration('gone', 'webhook', { url: 'http://127.0.0.1:1/' }),
    await integration('bot', 'slack', { bot_token: secrets['a bot token of Slack'], signing_secret: secrets['a signing secret of Slack'], channel: '#operations-alerts', api_url: slack.apiUrl }),
  ];
  secrets["the address of Slack's webhook"] = slack.webhookUrl;
  ids.push(await integration('incoming', 'slack', { webhook_url: slack.webhookUrl }));
  // Endpoints that show whoever asks what they were sent, and the secrets that they verify it with.
  const known = { '/good': ['the signing secret of hook', 'the new signing secret'], '/failing': ['the signing secret of failing'] };
  receiver.behave(({ path: at, headers, body }) => ({
    status: at === '/failing' ? 500 : 200,
    body: JSON.stringify({ links: body.match(/\S*decide\?link=[\w-]+/g), headers, known: known[at as keyof typeof known].map((name) => secrets[name]), control: CONTROL }),
  }));
  const agent = (await send('POST /v1/agents', { body: { name: 'orders' }, status: 201 })).body.id;
  for (const id of ids) await send('POST /v1/agents/{id}/notifications', { id: agent, body: { integration_id: id, subscription: { mode: 'all' } }, status: 201 });

  await reportFrom('before');
  const rotated = await send('POST /v1/integrations/{id}/rotate-secret', { id: hook, body: {} });
  secrets['the new signing secret'] = rotated.body.secret as string;
  await changeEverything(agent, hook, { 'X-Secret': secrets['a header of a webhook'] });
  const { body: replay } = await send('POST /v1/replays', { body: { kind: 'failed', integration_id: ids[1], since: '2026-01-01T00:00:00Z' }, status: 202 });
  await send('POST /v1/replays/{id}/cancel', { id: replay.id });

  await herald.end('SIGINT');
  output += herald.output();
  const second = random();
  secrets['the second secret key'] = second;
  const previous = env.HERALD_SECRET_KEY;
  herald = startHerald({ ...env, HERALD_SECRET_KEY: second, HERALD_PREVIOUS_SECRET_KEYS: previous });
  await herald.ready();

  receiver.verifyWith(secrets['the new signing secret']);
  await reportFrom('after');
  expect(receiver.received.filter(({ path: at, json }) => at === '/good' && JSON.stringify(json).includes('"after"')).map(({ signature }) => signature)).toContain('valid');
  expect(receiver.received.some(({ headers }) => headers['x-secret'] === secrets['a header of a webhook'])).toBe(true);
  await readEverything();

  const traces = await everyTrace();
  const kinds = ['the answer of GET', 'the answer of POST', 'the answer of GET /v1/deliveries/', 'table', 'table attempts', 'workflow', 'queries of session', 'file'];
  for (const kind of kinds) {
    expect(findSecrets(traces.filter(({ where }) => where.startsWith(kind)), { control: CONTROL }), kind).not.toEqual([]);
  }
  expect(traces.map(({ where }) => where).filter((where) => /file .*\/(api|worker)[^/]*log/.test(where))).not.toEqual([]);
  expect(Object.keys(secrets).length).toBeGreaterThanOrEqual(18);
  expect(await changing()).toEqual(sent);
  expect(findSecrets(traces, secrets)).toEqual([]);
}, PATIENCE_MS);
