import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, deliveryOf, event, startSession, until } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

const page = readFileSync(path.join(import.meta.dirname, '../../docs/temporal-ui.md'), 'utf8');
const filters = Array.from(page.matchAll(/^(.+):\n\n```sql\n(.+)\n```$/gm), ([, title, filter]) => [title!, filter!] as const);

let engine: Engine;
let receiver: Receiver;
let integrationId: string;
let deliveryId: string;

beforeAll(async () => {
  const timings = { send: { retrySchedule: [0, 600_000] }, session: { lingerMs: 60_000 } };
  [engine, receiver] = await Promise.all([startEngine({ timings }), startReceiver({ behaviour: { status: 503 } })]);
  const agent = await engine.agent('Order Processing Agent');
  integrationId = await engine.webhook(receiver.url);
  await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] } });
  const waiting = await startSession(engine, { id: 'order-12345', agents: [agent] });
  await waiting.append(event('ask', 'ExecutionAwaitingConfirmation'));
  const failed = await startSession(engine, { id: 'order-12344', agents: [agent] });
  await failed.append(event('failed', 'ExecutionFailed'));
  await startSession(engine, { id: 'order-12343', agents: [await engine.agent('another')] });
  await arrivedOf(receiver, failed, 1);
  await until(async () => (await deliveryOf(engine, failed, 'failed')).status === 'retrying', 'a message that is tried again');
  deliveryId = (await deliveryOf(engine, failed, 'failed')).id;
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
});

async function found(filter: string): Promise<string[]> {
  const query = filter.replaceAll('<integration id>', integrationId).replaceAll('<organisation id>', engine.organisationId);
  const ids: string[] = [];
  for await (const { workflowId } of engine.client.workflow.list({ query })) ids.push(workflowId.replace(engine.organisationId, '…'));
  return ids;
}

describe('the list filters of docs/temporal-ui.md', () => {
  it('are five', () => {
    expect(filters.map(([title]) => title)).toHaveLength(5);
  });

  it.each(filters)('%s', async (title, filter) => {
    const expected = {
      'Who waits for a person': ['session/…/order-12345'],
      'What failed for one agent': ['session/…/order-12344'],
      'Which messages do not get through at the moment': [`delivery/${deliveryId}`],
      'What did not arrive at one integration, ever': [`delivery/${deliveryId}`],
      'All runs of one session (a long one has many, see below)': ['session/…/order-12345'],
    }[title];
    expect(expected).toBeDefined();
    await expect.poll(() => found(filter)).toEqual(expected);
  });
});
