import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../model/types.ts';
import { type AnswerBody, type Caller, callerOf } from '../../test/support/caller.ts';

/** Addresses in the Temporal UI. */
export interface PlayedSessions {
  waiting: string;
  failed: string;
  /** Of the message that does not get through. */
  delivery: string;
}

/** Where messages go. */
export interface Destinations {
  /** A Slack's Web API. */
  slackApiUrl: string;
  /** Refuses everything. */
  downUrl: string;
}

const POLL_MS = 100;
const WITHIN_MS = 30_000;

/** Plays a morning in a company with two agents, through the API. */
export async function playSessions(herald: { url: string; apiKey: string }, { slackApiUrl, downUrl }: Destinations): Promise<PlayedSessions> {
  const api = callerOf(herald.url, '', herald.apiKey);
  const orders = await create(api, '/v1/agents', { name: 'Order Processing Agent' });
  const support = await create(api, '/v1/agents', { name: 'Support Agent' });
  const slack = await create(api, '/v1/integrations', {
    name: 'Company Slack',
    type: 'slack',
    config: { bot_token: 'xoxb-screenshots', channel: '#operations-alerts', api_url: slackApiUrl },
  });
  const tickets = await create(api, '/v1/integrations', { name: 'Ticket system', type: 'webhook', config: { url: downUrl } });
  for (const agent of [orders, support]) {
    const rules = ['ExecutionFailed', 'ExecutionAwaitingConfirmation', 'ExecutionPaused', 'ExecutionCompleted'].map((event) => ({ event }));
    await create(api, `/v1/agents/${agent.id}/notifications`, { integration_id: slack.id, subscription: { mode: 'custom', rules } });
  }
  await create(api, `/v1/agents/${orders.id}/notifications`, { integration_id: tickets.id, subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] } });

  await play(api, 'order-12343', orders.id, [tool('query_database'), { type: 'ExecutionCompleted', outcome: 'success', result: 'Order shipped' }]);
  await play(api, 'ticket-871', support.id, [tool('read_mailbox')]);
  await play(api, 'ticket-872', support.id, [tool('read_mailbox'), { type: 'ExecutionPaused', reason: 'Waiting for the customer’s answer' }]);
  const failed = await play(api, 'order-12344', orders.id, [
    tool('query_database'),
    tool('charge_card'),
    { type: 'ExecutionFailed', reason: 'Payment gateway timeout' },
  ]);
  const waiting = await play(api, 'order-12345', orders.id, [
    { type: 'llm', model: 'gpt-4', prompt: 'Is this order plausible?', completion: 'It is unusually large.' },
    tool('query_database'),
    { type: 'ExecutionAwaitingConfirmation', question: 'Refund 1,250.00 EUR to the customer?' },
  ]);

  const delivery = await retrying(api, failed.id);
  const address = String(failed.temporal_ui_url);
  return {
    waiting: String(waiting.temporal_ui_url),
    failed: address,
    delivery: `${address.slice(0, address.lastIndexOf('/') + 1)}${encodeURIComponent(`delivery/${delivery}`)}`,
  };
}

function tool(name: string): JsonObject {
  return { type: 'tool', name };
}

async function play(api: Caller, id: string, agentId: string, events: JsonObject[]): Promise<AnswerBody> {
  await create(api, '/v1/sessions', { id, agent_id: agentId, tags: ['environment:production'] });
  for (const event of events) {
    await create(api, `/v1/sessions/${id}/events`, { events: [event] });
    await sleep(POLL_MS);
  }
  return until(
    () => api.get(`/v1/sessions/${id}`).then(({ body }) => body),
    (session) => session.decided_seq === session.last_seq,
    `session ${id} to be decided`,
  );
}

/** Id of the session's delivery that is tried again. */
async function retrying(api: Caller, sessionId: string): Promise<string> {
  const find = () => api.get(`/v1/sessions/${sessionId}/deliveries`).then(({ body }) => body.data.find(({ status }) => status === 'retrying'));
  const delivery = await until(find, (found) => found !== undefined && Number(found.attempt_count) > 1, 'a second attempt');
  return delivery!.id;
}

async function until<T>(read: () => Promise<T>, isEnough: (value: T) => boolean, what: string): Promise<T> {
  for (const giveUpAt = Date.now() + WITHIN_MS; ; await sleep(POLL_MS)) {
    const value = await read();
    if (isEnough(value)) return value;
    if (Date.now() > giveUpAt) throw new Error(`Waited in vain for ${what}: ${JSON.stringify(value)}`);
  }
}

async function create(api: Caller, path: string, body: JsonObject): Promise<AnswerBody> {
  const answer = await api.post(path, body);
  if (answer.status >= 300) throw new Error(`POST ${path} was answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}
