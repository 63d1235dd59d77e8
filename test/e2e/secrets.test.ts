import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { embeddedDatabaseUrl } from '../../embedded/postgres.ts';
import { readPorts } from '../../embedded/ports.ts';
import { type Db, openDatabase } from '../../store/database.ts';
import { openTemporalClient } from '../../temporal/connect.ts';
import { type Caller, callerOf } from '../support/caller.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { type SlackStandIn, startSlackStandIn } from '../support/slackStandIn.ts';
import { newDataDir, type StartedHerald, startHerald, unusedPort } from '../support/startedHerald.ts';
import { filesAsText, findSecrets, tablesAsText, type Trace, workflowsAsText } from '../support/traces.ts';

const PATIENCE_MS = 120_000;
const FAST = JSON.stringify({ send: { retrySchedule: [0, 200] }, session: { lingerMs: 300 } });

const env = { PORT: '', HERALD_DATA_DIR: newDataDir(), HERALD_SECRET_KEY: random(), HERALD_LOG_LEVEL: 'trace', HERALD_TIMINGS: FAST };
/** Files that their owner alone may read, and Postgres' own, whose tables are read instead. */
const KEPT_SECRET = ['api-key', 'secret-key', 'postgres-password', 'postgres'];
/** Everything that nobody but its owner may see, by what it is. */
const secrets: Record<string, string> = { 'the secret key': env.HERALD_SECRET_KEY };
/** Appears wherever events do: what finds it would find a secret. */
const CONTROL = 'control-8b1f2c';

let herald: StartedHerald;
let receiver: Receiver;
let slack: SlackStandIn;
let caller: Caller;
let url: string;
let output = '';
const answers: Trace[] = [];

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

async function integration(name: string, type: string, config: Record<string, unknown>): Promise<string> {
  const answer = await caller.post('/v1/integrations', { name, type, config });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  if (typeof answer.body.secret === 'string') secrets[`the signing secret of ${name}`] = answer.body.secret;
  return answer.body.id;
}

/** Reports one event with the AgentOps routes, whose token is a secret too, and one with Herald's own. */
async function reportFrom(session: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const created = await fetch(`${url}/v2/create_session`, {
    method: 'POST',
    headers: { ...headers, 'X-Agentops-Api-Key': caller.key },
    body: JSON.stringify({ session: { session_id: session, agent_name: 'orders', tags: [CONTROL] } }),
  });
  const { jwt } = (await created.json()) as { jwt: string };
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

/** What every read of the description answers, for every id there is. */
async function readEverything(): Promise<void> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, Record<string, unknown>> };
  for (const [route, methods] of Object.entries(document.paths)) {
    if (!('get' in methods) || !route.startsWith('/v1/') || route.endsWith('/stream')) continue;
    const list = `/v1/${route.split('/')[2]}`;
    const ids = route.includes('{id}') ? (await caller.get(list)).body.data.map(({ id }) => id) : [''];
    for (const id of ids) {
      const address = route.replace('{id}', encodeURIComponent(id));
      answers.push({ where: `the answer of GET ${address}`, text: JSON.stringify((await caller.get(address)).body) });
    }
  }
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
  const hook = await integration('hook', 'webhook', { url: `${receiver.url}/good`, headers: { 'X-Secret': secrets['a header of a webhook'] } });
  const ids = [
    hook,
    await integration('failing', 'webhook', { url: `${receiver.url}/failing` }),
    await integration('gone', 'webhook', { url: 'http://127.0.0.1:1/' }),
    await integration('bot', 'slack', { bot_token: secrets['a bot token of Slack'], channel: '#operations-alerts', api_url: slack.apiUrl }),
  ];
  secrets["the address of Slack's webhook"] = slack.webhookUrl;
  ids.push(await integration('incoming', 'slack', { webhook_url: slack.webhookUrl }));
  // Endpoints that show whoever asks what they were sent, and the secrets that they verify it with.
  const known = { '/good': ['the signing secret of hook', 'the new signing secret'], '/failing': ['the signing secret of failing'] };
  receiver.behave(({ path: at, headers }) => ({
    status: at === '/failing' ? 500 : 200,
    body: JSON.stringify({ headers, known: known[at as keyof typeof known].map((name) => secrets[name]), control: CONTROL }),
  }));
  const agent = (await caller.post('/v1/agents', { name: 'orders' })).body.id;
  for (const id of ids) await caller.post(`/v1/agents/${agent}/notifications`, { integration_id: id, subscription: { mode: 'all' } });

  await reportFrom('before');
  const rotated = await caller.post(`/v1/integrations/${hook}/rotate-secret`, {});
  secrets['the new signing secret'] = rotated.body.secret as string;
  await caller.post('/v1/replays', { kind: 'failed', integration_id: ids[1], since: '2026-01-01T00:00:00Z' });
  await readEverything();

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
  const kinds = ['the answer', 'the answer of GET /v1/deliveries/', 'table', 'table attempts', 'workflow', 'file'];
  for (const kind of kinds) {
    expect(findSecrets(traces.filter(({ where }) => where.startsWith(kind)), { control: CONTROL }), kind).not.toEqual([]);
  }
  expect(traces.map(({ where }) => where).filter((where) => /file .*\/(api|worker)[^/]*log/.test(where))).not.toEqual([]);
  expect(Object.keys(secrets).length).toBeGreaterThanOrEqual(10);
  expect(findSecrets(traces, secrets)).toEqual([]);
}, PATIENCE_MS);
