import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDecisionLinks } from '../../../store/decisionLinks.ts';
import { boundWebhook, type Caller } from '../../support/caller.ts';
import { type EngineApi, startEngineApi } from '../../support/engineApi.ts';
import { until } from '../../support/engineSession.ts';
import { type SlackStandIn, startSlackStandIn } from '../../support/slackStandIn.ts';
import { type Description, describedTargets, type Known, type Target } from './operations.ts';
import { createSender, type RawAnswer, type RawRequest } from './request.ts';
import { type Doors, undescribedTargets } from './undescribed.ts';

/** `HERALD_FUZZ_SEED` and `HERALD_FUZZ_RUNS` (for each route) look further than `npm test`. */
const SEED = Number(process.env.HERALD_FUZZ_SEED ?? 4);
const RUNS = Number(process.env.HERALD_FUZZ_RUNS ?? 12);
const AT_ONCE = 4;
const SIGNING_SECRET = '8f742231b10e8888abcd99yyyzzz85a5';
const QUESTIONS = 6;

let api: EngineApi;
let slack: SlackStandIn;
let caller: Caller;
let targets: Target[];
let sender: ReturnType<typeof createSender>;

beforeAll(async () => {
  process.stderr.write(`fuzzing with HERALD_FUZZ_SEED=${SEED} HERALD_FUZZ_RUNS=${RUNS}\n`);
  slack = await startSlackStandIn({ app: { clientId: '12.34', clientSecret: 'very-secret' } });
  api = await startEngineApi({ slack: { clientId: '12.34', clientSecret: 'very-secret', signingSecret: SIGNING_SECRET, url: slack.url } });
  caller = await api.newCaller();
  sender = createSender(api.url);
  const known = await thingsToTry();
  const description = (await (await fetch(`${api.url}/openapi.json`)).json()) as Description;
  targets = [...describedTargets(description, known), ...undescribedTargets(await doorsToTry())];
});
afterAll(async () => {
  sender?.close();
  await api?.close();
  await slack?.close();
});

/** One of everything that there are ids of. */
async function thingsToTry(): Promise<Known> {
  const { agentId, integrationId, notificationId } = await boundWebhook(caller);
  const session = await caller.post('/v2/create_session', { session: { id: 'fuzzed', agent_name: 'order-processing' } }, { 'X-Agentops-Api-Key': caller.key });
  await caller.post('/v1/sessions', { id: 'fuzzed too', agent_id: agentId });
  const { body: delivery } = await caller.post(`/v1/integrations/${integrationId}/test`, {});
  const { body: key } = await caller.post('/v1/api_keys', { name: 'spare', scopes: ['ingest'] });
  const values: Record<string, unknown[]> = {
    agents: [agentId],
    agent_id: [agentId, 'agent-123'],
    integrations: [integrationId],
    integration_id: [integrationId],
    notifications: [notificationId],
    notification_id: [notificationId],
    sessions: ['fuzzed', 'fuzzed too'],
    session_id: ['fuzzed', 'fuzzed too'],
    id: ['fuzzed', 'fuzzed too', 'another'],
    deliveries: [delivery.id],
    api_keys: [key.id],
    // A path of its own is none of an integration's: what is sent goes nowhere else.
    url: ['http://127.0.0.1:9/nobody', 'https://hooks.example.com/x'],
  };
  return { apiKey: caller.key, sessionToken: String(session.body.jwt), values: (name) => values[name] ?? [] };
}

/** Open questions with the messages that ask them, and installs of the Slack app that have begun. */
async function doorsToTry(): Promise<Doors> {
  const links = createDecisionLinks(api.engine.settings.secretKey);
  const doors: Doors = { links: [], deliveries: [], signingSecret: SIGNING_SECRET, tickets: [], returns: [] };
  for (let number = 0; number < QUESTIONS; number += 1) {
    const id = `asking ${number}`;
    await caller.post('/v1/sessions', { id, agent_name: 'order-processing' });
    await caller.post(`/v1/sessions/${encodeURIComponent(id)}/events`, { events: [{ type: 'ExecutionAwaitingConfirmation', message: '<script>alert(1)</script>' }] });
    const asked = async () => (await caller.get(`/v1/deliveries?session_id=${encodeURIComponent(id)}&event_type=ExecutionAwaitingConfirmation`)).body.data[0];
    await until(async () => (await asked()) !== undefined, 'the question to be sent');
    const deliveryId = (await asked())!.id;
    doors.deliveries.push(deliveryId);
    doors.links.push(links.make({ deliveryId, expiresAt: new Date(Date.now() + (number === 0 ? -1 : 1) * 3_600_000) })!);
    doors.tickets.push(new URL(String((await caller.post('/v1/slack/installs', {})).body.url)).searchParams.get('ticket')!);
  }
  for (const ticket of doors.tickets.slice(0, 3)) {
    const page = await fetch(`${api.url}/slack/install?ticket=${ticket}`);
    const toSlack = /href="([^"]+)"/.exec(await page.text())![1]!.replaceAll('&amp;', '&');
    const { searchParams } = new URL(slack.oauth.allow(toSlack));
    doors.returns.push({ query: Object.fromEntries(searchParams), cookie: page.headers.get('set-cookie')!.split(';', 1)[0]! });
  }
  return doors;
}

/** What is wrong with an answer. */
function faultOf({ path }: RawRequest, { status, type, text }: RawAnswer): string | undefined {
  if (status >= 500) return `answered ${status}: ${text.slice(0, 300)}`;
  if (type.startsWith('text/html')) {
    if (text.includes('<script')) return 'its page carries a script';
    return /^\/(decide|docs|slack)\b/.test(path) ? undefined : 'it is a page';
  }
  // 431: more headers than are read at all.
  if (status < 400 || status === 431) return undefined;
  const body = type.includes('json') ? (JSON.parse(text) as Record<string, unknown>) : {};
  if (path.startsWith('/v1/')) return type.startsWith('application/problem+json') && body.status === status && typeof body.detail === 'string' ? undefined : `its ${status} is no problem+json: ${text.slice(0, 300)}`;
  return typeof body.error === 'string' && typeof body.message === 'string' ? undefined : `its ${status} has not AgentOps' shape: ${text.slice(0, 300)}`;
}

/** Answers the statuses that came; throws with the request that was answered wrongly. */
async function fuzz(target: Target): Promise<number[]> {
  const statuses: number[] = [];
  let wrong = '';
  const property = fc.asyncProperty(target.requests, async (raw) => {
    const answer = await sender.send(raw).catch((error: unknown) => String(error));
    if (typeof answer !== 'string') statuses.push(answer.status);
    const fault = typeof answer === 'string' ? answer : faultOf(raw, answer);
    if (fault === undefined) return true;
    wrong = `${raw.method} ${raw.path} ${JSON.stringify(raw.headers)} ${raw.body?.toString().slice(0, 2000) ?? ''}\n${fault}`;
    return false;
  });
  const run = await fc.check(property, { seed: SEED, numRuns: RUNS, endOnFailure: RUNS <= 20 });
  if (run.failed) throw new Error(`${target.name}, run ${run.numRuns}: ${wrong}`);
  return statuses;
}

describe('requests made of nonsense', () => {
  it('are tried with every route that there is', () => {
    const tried = targets.map(({ name }) => name.replaceAll(/\{(\w+)\}/g, ':$1'));
    expect(tried.toSorted()).toEqual(api.routes.toSorted());
  });

  it('get an answer that says what is wrong, in time', { timeout: 30_000 + RUNS * 10_000 }, async () => {
    const problems: string[] = [];
    const heard: Record<string, number[]> = {};
    const [deleting, others] = [true, false].map((deletes) => targets.filter(({ name }) => name.startsWith('DELETE ') === deletes));
    for (const queue of [others!, deleting!]) {
      const work = async () => {
        for (let target = queue.shift(); target; target = queue.shift()) {
          heard[target.name] = await fuzz(target).catch((error: unknown) => {
            problems.push(String(error));
            return [];
          });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    }
    expect(problems).toEqual([]);
    const accepted = Object.values(heard).filter((statuses) => statuses.some((status) => status < 400)).length;
    expect(accepted, `routes that took some of it: ${JSON.stringify(heard)}`).toBeGreaterThan(targets.length / 2);
  });

  it.each(['PUT', 'TRACE', 'OPTIONS', 'PROPFIND'])('with the method %s are told that there is no such route', async (method) => {
    for (const path of new Set(targets.map(({ name }) => name.split(' ')[1]!))) {
      const raw = { method, path: path.replaceAll(/[{}]/g, ''), headers: {} };
      const answer = await sender.send(raw);
      expect([method, path, answer.status, faultOf(raw, answer)]).toEqual([method, path, 404, undefined]);
    }
  });

  it('leave the prototypes of objects as they were', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('leave an API that answers, and sessions whose workflows decide everything', async () => {
    expect((await caller.get('/v1/sessions')).status).toBe(200);
    const undecided = async () => {
      const rows = await api.engine.db.selectFrom('session_progress').select(['session_key']).whereRef('last_seq', '>', 'decided_seq').execute();
      return rows.length;
    };
    await until(async () => (await undecided()) === 0, 'every event to be decided');
    const faults = api.engine.logged.filter(({ level }) => level >= 50).map(({ msg, err }) => `${msg}: ${err?.message}`);
    expect(faults).toEqual([]);
  });
});
