import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventConstant } from '../../model/events.ts';
import type { JsonObject } from '../../model/types.ts';
import type { Receiver } from '../../test/support/receiver.ts';
import type { SlackStandIn } from '../../test/support/slackStandIn.ts';
import type { Client, Decision } from './client.ts';
import { type DemoCase, type DemoNotification, type Scenario, sent, skipped } from './scenarios.ts';

/** What becomes of one event at one notification, or of the session. */
export interface Outcome {
  event: string;
  notification: string;
  expected: string;
  actual: string;
}

export interface CaseResult {
  case: string;
  /** The execution's metadata. */
  metadata: Record<string, string>;
  outcomes: Outcome[];
  ok: boolean;
}

export interface Stage {
  client: Client;
  receiver: Receiver;
  slack: SlackStandIn;
}

/** A message that was skipped gets this long to arrive nevertheless. */
const SILENCE_MS = 300;
const ARRIVAL_MS = 15_000;
const DEFAULT_AGENT = 'default';

interface BoundNotification extends DemoNotification {
  id: string;
  /** Path of its webhook. */
  path: string;
}

/** Binds the scenario's notifications to its agent, plays its executions and compares what came of them. */
export async function playScenario(stage: Stage, scenario: Scenario, report: (result: CaseResult) => void): Promise<void> {
  const agent = await stage.client.call('POST', '/v1/agents', { name: scenario.agent ?? DEFAULT_AGENT });
  const notifications: BoundNotification[] = [];
  for (const notification of scenario.notifications) notifications.push(await bind(stage, agent.id, notification));
  for (const played of scenario.cases) report(await playCase(stage, scenario, notifications, played));
}

async function bind({ client, receiver, slack }: Stage, agentId: string, notification: DemoNotification): Promise<BoundNotification> {
  const { name, type, subscription, metadataFilter } = notification;
  const path = `/${randomUUID()}`;
  const config: JsonObject =
    type === 'slack' ? { bot_token: 'xoxb-demo', channel: name, api_url: slack.apiUrl } : { url: new URL(path, receiver.url).href };
  const integration = await client.call('POST', '/v1/integrations', { name, type, config });
  const bound = await client.call('POST', `/v1/agents/${agentId}/notifications`, {
    integration_id: integration.id,
    subscription,
    ...(metadataFilter ? { metadata_filter: metadataFilter } : {}),
  });
  return { ...notification, id: bound.id, path };
}

async function playCase(stage: Stage, { agent }: Scenario, notifications: BoundNotification[], played: DemoCase): Promise<CaseResult> {
  const { client, slack } = stage;
  const id = randomUUID();
  const slackBefore = slack.messages.length;
  await execute(client, id, agent, played);

  const decisions = await client.decisions(id, 1 + (played.events?.length ?? 0) + (played.end ? 1 : 0));
  const toBeSent = (type: DemoNotification['type']) =>
    decisions.filter(({ decision, notification_id }) => decision === 'sent' && notifications.find((each) => each.id === notification_id)?.type === type);
  const webhooks = toBeSent('webhook').length;
  // Whatever is missing or too much by then is a difference.
  await stage.receiver.waitFor(() => webhooksOf(stage, id).length >= webhooks, ARRIVAL_MS).catch(() => undefined);
  await slack.waitFor(slackBefore + toBeSent('slack').length, ARRIVAL_MS).catch(() => undefined);
  await sleep(SILENCE_MS);

  const texts = slack.messages.slice(slackBefore).map((message) => message.text);
  const outcomes = decisions.map((decision): Outcome => {
    const notification = notifications.find((each) => each.id === decision.notification_id)!;
    const arrived = notification.type === 'slack' ? slackTexts(texts, decision) : webhooksOf(stage, id, notification, decision.event_type);
    return {
      event: decision.event_type,
      notification: notification.name,
      expected: expectation(played, decision.event_type, notification.name),
      actual: observation(decision, arrived, notification.type),
    };
  });
  for (const [event, results] of Object.entries(played.expected)) {
    for (const [notification, expected] of Object.entries(results)) {
      const isThere = outcomes.some((outcome) => outcome.event === event && outcome.notification === notification);
      if (!isThere) outcomes.push({ event, notification, expected, actual: 'no decision' });
    }
  }
  if (played.status !== undefined) {
    const session = await client.call('GET', `/v1/sessions/${id}`);
    outcomes.push({ event: 'the session', notification: '', expected: played.status, actual: session.status });
  }
  const ok = outcomes.every(({ expected, actual }) => expected === actual);
  return { case: played.case, metadata: played.metadata ?? {}, outcomes, ok };
}

/** What the agent does: the three calls of the AgentOps REST API. */
async function execute(client: Client, id: string, agent: string | undefined, { tags, metadata, events, end }: DemoCase): Promise<void> {
  const now = () => new Date().toISOString();
  const { jwt } = await client.call('POST', '/v2/create_session', {
    session: { id, init_timestamp: now(), ...(agent === undefined ? {} : { agent_name: agent }), ...(tags && { tags }), ...(metadata && { metadata }) },
  });
  if (events) await client.call('POST', '/v2/create_events', { events: events.map((event) => ({ init_timestamp: now(), ...event })) }, jwt);
  if (end) await client.call('POST', '/v2/update_session', { session: { id, end_timestamp: now(), ...end } }, jwt);
}

/** An event that a case says nothing about is in no rule of its notifications. */
function expectation(played: DemoCase, event: string, notification: string): string {
  return played.expected[event]?.[notification] ?? skipped('event_type');
}

/** What arrived, and not only what was decided: a decision without its message, or a message without one, is a difference. */
function observation({ decision, reason }: Decision, arrived: string[], type: DemoNotification['type']): string {
  if (decision === 'skipped') return arrived.length === 0 ? `skipped (${reason})` : `sent although skipped (${reason}): ${arrived.join(' | ')}`;
  if (arrived.length === 1) return type === 'slack' ? sent(arrived[0]) : sent();
  return arrived.length === 0 ? 'to be sent, and not sent' : `sent ${arrived.length} times`;
}

function slackTexts(texts: string[], { event_type: type }: Decision): string[] {
  const name = type.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ');
  return texts.filter((text) => text.includes(name));
}

/** The event names that arrived for a session, at one notification's webhook or at any. */
function webhooksOf({ receiver }: Stage, sessionId: string, notification?: BoundNotification, eventType?: string): string[] {
  return receiver.received
    .filter((request) => notification === undefined || request.path === notification.path)
    .map((request) => (request.json as { info: { execution_id: string; event: string } }).info)
    .filter((info) => info.execution_id === sessionId && (eventType === undefined || info.event === eventConstant(eventType)))
    .map((info) => info.event);
}
