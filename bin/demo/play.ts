import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../model/types.ts';
import type { Receiver } from '../../test/support/receiver.ts';
import type { SlackStandIn } from '../../test/support/slackStandIn.ts';
import type { Client, Decision } from './client.ts';
import type { DemoCase, DemoNotification, Scenario } from './scenarios.ts';

export interface CaseResult {
  case: string;
  expected: string;
  actual: string;
  ok: boolean;
  /** Why each notification was sent or skipped, in Herald's words. */
  reasons: string[];
}

export interface Stage {
  client: Client;
  receiver: Receiver;
  slack: SlackStandIn;
}

/** A skipped message gets this long to arrive nevertheless. */
const SILENCE_MS = 300;

interface BoundNotification extends DemoNotification {
  id: string;
  /** Path of its webhook, or the text that its Slack messages are told apart by. */
  path: string;
}

/** Binds the scenario's notifications to its agent, plays its executions and compares what came of them. */
export async function playScenario(stage: Stage, scenario: Scenario, report: (result: CaseResult) => void): Promise<void> {
  const agent = await stage.client.call('POST', '/v1/agents', { name: scenario.agent });
  const notifications: BoundNotification[] = [];
  for (const notification of scenario.notifications) notifications.push(await bind(stage, String(agent.id), notification));
  for (const played of scenario.cases) report(await playCase(stage, scenario.agent, notifications, played));
}

/** The requests example of the REST specification: three calls, one completed session with one LLM event. */
export async function playRestExample(stage: Stage, report: (result: CaseResult) => void): Promise<void> {
  const { client } = stage;
  const agent = await client.call('POST', '/v1/agents', { name: 'default' });
  const notification = await bind(stage, String(agent.id), { name: 'default', type: 'webhook', subscription: { mode: 'all' } });
  const id = randomUUID();
  const now = () => new Date().toISOString();
  const session = await client.call('POST', '/v2/create_session', { session: { id, init_timestamp: now(), tags: ['example'] } });
  const llm = {
    type: 'llm',
    init_timestamp: now(),
    model: 'gpt-4',
    prompt: 'Hello, world!',
    completion: 'Hi there!',
    prompt_tokens: 3,
    completion_tokens: 2,
  };
  await client.call('POST', '/v2/create_events', { events: [llm] }, String(session.jwt));
  await client.call('POST', '/v2/update_session', { session: { id, end_timestamp: now(), end_state: 'completed' } }, String(session.jwt));
  const decisions = await client.decisions(id, 3);
  const stored = await client.call('GET', `/v1/sessions/${id}`);
  const messages = await arrived(stage, notification, id, 3);
  const expected = 'completed; sent: EXECUTION_STARTED, EXECUTION_STEP_STARTED, EXECUTION_COMPLETED';
  const actual = `${String(stored.status)}; sent: ${messages.join(', ')}`;
  report({ case: 'rest: the requests example', expected, actual, ok: actual === expected, reasons: decisions.map(words) });
}

async function bind(stage: Stage, agentId: string, notification: DemoNotification): Promise<BoundNotification> {
  const path = `/${randomUUID()}`;
  const config: JsonObject =
    notification.type === 'slack'
      ? { bot_token: 'xoxb-demo', channel: notification.name, api_url: stage.slack.apiUrl }
      : { url: new URL(path, stage.receiver.url).href };
  const integration = await stage.client.call('POST', '/v1/integrations', { name: notification.name, type: notification.type, config });
  const bound = await stage.client.call('POST', `/v1/agents/${agentId}/notifications`, {
    integration_id: integration.id!,
    subscription: notification.subscription,
    ...(notification.metadataFilter ? { metadata_filter: notification.metadataFilter } : {}),
    enabled: true,
  });
  return { ...notification, id: String(bound.id), path };
}

async function playCase(stage: Stage, agent: string, notifications: BoundNotification[], played: DemoCase): Promise<CaseResult> {
  const { client } = stage;
  const id = randomUUID();
  const slackBefore = stage.slack.messages.length;
  const session = await client.call('POST', '/v2/create_session', {
    session: { id, agent_name: agent, init_timestamp: new Date().toISOString(), ...(played.metadata ? { metadata: played.metadata } : {}) },
  });
  const token = String(session.jwt);
  if (played.events) await client.call('POST', '/v2/create_events', { events: played.events }, token);
  if (played.end) {
    await client.call('POST', '/v2/update_session', { session: { id, end_timestamp: new Date().toISOString(), ...played.end } }, token);
  }
  const decisions = await client.decisions(id, 1 + (played.events?.length ?? 0) + (played.end ? 1 : 0));
  const actual: string[] = [];
  const expected: string[] = [];
  const reasons: string[] = [];
  for (const [name, result] of Object.entries(played.expected)) {
    const notification = notifications.find((candidate) => candidate.name === name)!;
    const decision = decisions.find((d) => d.notification_id === notification.id && d.event_type === played.about);
    expected.push(`${name}: ${result}`);
    actual.push(`${name}: ${await observed(stage, notification, id, played.about, decision, slackBefore)}`);
    reasons.push(`${name}: ${decision ? words(decision) : 'no decision'}`);
  }
  const [want, got] = [expected.join('; '), actual.join('; ')];
  return { case: played.case, expected: want, actual: got, ok: want === got, reasons };
}

/** What arrived, and not only what was decided: a decision without its message, or a message without one, is a difference. */
async function observed(
  stage: Stage,
  notification: BoundNotification,
  sessionId: string,
  about: string,
  decision: Decision | undefined,
  slackBefore: number,
): Promise<string> {
  const sent = decision?.decision === 'sent';
  if (notification.type === 'slack') {
    const enough = slackBefore + (sent ? 1 : 0);
    if (sent) await stage.slack.waitFor(enough);
    else await sleep(SILENCE_MS);
    const texts = stage.slack.messages.slice(slackBefore).map((message) => message.text);
    return texts.length === 0 && !sent ? 'skipped' : texts.join(' | ');
  }
  if (!sent) await sleep(SILENCE_MS);
  const messages = await arrived(stage, notification, sessionId, 0, sent ? about : undefined);
  const some = messages.some((constant) => constant.replaceAll('_', '').toLowerCase() === about.toLowerCase());
  if (sent === some) return sent ? 'sent' : 'skipped';
  return sent ? 'decided but not sent' : 'sent although skipped';
}

/** The event names that arrived at the notification's webhook for a session, in order. */
async function arrived(stage: Stage, notification: BoundNotification, sessionId: string, count: number, about?: string): Promise<string[]> {
  const names = () =>
    stage.receiver.received
      .filter((request) => request.path === notification.path)
      .map((request) => (request.json as { info?: { execution_id?: string; event?: string } }).info)
      .filter((info) => info?.execution_id === sessionId)
      .map((info) => String(info?.event));
  const enough = () =>
    names().length >= count &&
    (about === undefined || names().some((name) => name.replaceAll('_', '').toLowerCase() === about.toLowerCase()));
  await stage.receiver.waitFor(enough);
  return names();
}

function words(decision: Decision): string {
  return `${decision.event_type} ${decision.decision}${decision.reason === null ? '' : ` (${decision.reason})`}`;
}
