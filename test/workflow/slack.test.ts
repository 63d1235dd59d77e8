import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { channels } from '../../activities/channels/index.ts';
import type { DeliverySettings } from '../../model/deliverySettings.ts';
import { createIntegration } from '../../store/integrations.ts';
import { SecretBox } from '../../store/secrets.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { deliveryOf, type EngineSession, event, startSession, until } from '../support/engineSession.ts';
import { type SlackStandIn, startSlackStandIn } from '../support/slackStandIn.ts';
import { uniqueName } from '../support/stack.ts';

const ON_REPORTED = { mode: 'custom' as const, rules: [{ event: 'Reported' }] };

let engine: Engine;
let slack: SlackStandIn;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine?.close());
beforeEach(async () => {
  slack = await startSlackStandIn();
});
afterEach(() => slack.close());

/** A session whose reports go to channels of Slack; null is the integration's own, #operations-alerts. */
function reportingSession(...chosen: (string | null)[]): Promise<EngineSession> {
  return limitedSession({}, chosen);
}

async function limitedSession(delivery: DeliverySettings, chosen: (string | null)[]): Promise<EngineSession> {
  const { db, organisationId, settings } = engine;
  const { config, secrets } = channels.slack!.split({ bot_token: 'xoxb-token', channel: '#operations-alerts', api_url: slack.apiUrl });
  const sealed = new SecretBox(settings.secretKey).seal(secrets);
  const { id } = await createIntegration(db, organisationId, { name: uniqueName('slack'), type: 'slack', config, secrets: sealed, enabled: true, delivery });
  const agent = await engine.agent(uniqueName('agent'));
  for (const channel of chosen) await engine.notify(agent.id, id, { subscription: ON_REPORTED, channel });
  return startSession(engine, { agents: [agent] });
}

it('each channel gets one message a second, and no channel waits for another', async () => {
  const session = await reportingSession(null, '#general');
  await session.append(...['a', 'b', 'c', 'd'].map((id) => event(id)));
  await slack.waitFor(8);
  const times = Map.groupBy(slack.messages, ({ channel }) => channel);
  expect(new Set(times.keys())).toEqual(new Set(['general', 'operations-alerts']));
  for (const messages of times.values()) {
    const at = messages.map((message) => message.at.getTime());
    expect(at).toHaveLength(4);
    // A request may be late by what the machine takes, and the next is not.
    for (const index of [1, 2, 3]) expect(at[index]! - at[index - 1]!).toBeGreaterThan(800);
    expect(at[3]! - at[0]!).toBeGreaterThan(2850);
  }
  // One after the other would take seven seconds.
  expect(slack.messages.at(-1)!.at.getTime() - slack.messages[0]!.at.getTime()).toBeLessThan(5000);
});

it('a channel that is chosen by its name and by its id has one limit, once its id is known, also to a worker that starts later', async () => {
  const gapMs = 500;
  const session = await limitedSession({ rate_limit: { per_second: 1000 / gapMs, burst: 1 } }, [null, 'C0000000001']);
  /** From the first to the last message of these events. */
  const lasted = async (...ids: string[]): Promise<number> => {
    const before = slack.messages.length;
    await session.append(...ids.map((id) => event(id)));
    await slack.waitFor(before + 2 * ids.length);
    const at = slack.messages.slice(before).map((message) => message.at.getTime());
    return at.at(-1)! - at[0]!;
  };
  await lasted('first');
  await until(async () => (await engine.db.selectFrom('rate_limits').select('same_as').where('same_as', '=', 'C0000000001').execute()).length > 0, 'the id to be known');
  // Six messages; with two limits they would take two gaps.
  expect(await lasted('a', 'b', 'c')).toBeGreaterThan(4.5 * gapMs);
  await engine.stopWorker();
  await engine.startWorker();
  expect(await lasted('d')).toBeGreaterThan(0.5 * gapMs);
});

it('a message arrives in the channel that its notification chooses, by name or by id', async () => {
  const session = await reportingSession('#general', 'C0000000001');
  await session.append(event('report'));
  await slack.waitFor(2);
  expect(new Set(slack.messages.map(({ channel }) => channel))).toEqual(new Set(['general', 'operations-alerts']));
});

it.each([
  ['token_revoked', 'Slack answered token_revoked: the bot token was revoked; install the app again and set bot_token'],
  ['channel_not_found', expect.stringContaining('Slack answered channel_not_found: the channel does not exist')],
])('%s ends a delivery at once, with what to do', async (error, lastError) => {
  slack.refuse(() => ({ error }));
  const session = await reportingSession(null);
  await session.append(event('report'));
  await expect.poll(async () => (await deliveryOf(engine, session, 'report')).status).toBe('failed');
  expect(await deliveryOf(engine, session, 'report')).toMatchObject({ attempt_count: 1, last_error: lastError, next_attempt_at: null });
  expect(slack.arrived()).toBe(1);
});

it('a 429 with Retry-After holds for every message until then, and none is lost', async () => {
  let refusedAt = Infinity;
  slack.refuse((index) => {
    if (index > 0) return undefined;
    refusedAt = Date.now();
    return { retryAfterSeconds: 3 };
  });
  const session = await reportingSession(null);
  await session.append(event('first'));
  await expect.poll(async () => (await deliveryOf(engine, session, 'first')).status).toBe('retrying');
  await session.append(event('second'));
  await slack.waitFor(2);
  for (const { at } of slack.messages) expect(at.getTime() - refusedAt).toBeGreaterThan(2900);
  expect(slack.arrived()).toBe(3);
  for (const [id, attempts] of [['first', 2], ['second', 1]] as const) {
    await expect.poll(async () => (await deliveryOf(engine, session, id)).status).toBe('delivered');
    expect((await deliveryOf(engine, session, id)).attempt_count).toBe(attempts);
  }
});
