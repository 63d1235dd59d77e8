import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, deliveryOf, event, startSession, until } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

const EVENTS = 30;

let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  engine = await startEngine();
});

afterAll(async () => {
  await engine.close();
  await receiver.close();
});

it('what a dead worker had yet to send is sent in order, without a workflow for each message', async () => {
  const agent = await engine.agent('reporter');
  await engine.notify(agent.id, await engine.webhook(receiver.url));
  const session = await startSession(engine, { agents: [agent] });
  const ids = Array.from({ length: EVENTS }, (_, index) => `report ${index + 1}`);
  await session.append(...ids.map((id) => event(id)));
  await session.decided();
  await until(async () => (await open()) === 0, 'everything delivered');
  const before = receiver.received.length;

  await sql`
    with dead as (insert into workers (owner, alive_until) values ('dead', now())), untried as (delete from attempts)
    update deliveries set status = 'pending', attempt_count = 0, lease_owner = 'dead', lease_until = now() + interval '1 hour'
    where session_key = ${session.key}`.execute(engine.db);
  await until(async () => (await open()) === 0, 'everything delivered again');

  const again = (await arrivedOf(receiver, session, before + EVENTS + 1)).slice(before);
  expect(again.map((message) => message.sequence)).toEqual(again.map((_, index) => index + 1));
  const { handle } = await deliveryOf(engine, session, ids.at(-1)!);
  await expect(handle.describe()).rejects.toThrow(/not found/);
});

async function open(): Promise<number> {
  const { rows } = await sql<{ open: number }>`select count(*)::int as open from deliveries where status <> 'delivered'`.execute(engine.db);
  return rows[0]!.open;
}
