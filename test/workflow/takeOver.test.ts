import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createOutgoingHttp } from '../../activities/channels/http.ts';
import { createActivities, createListening, defaultSendTimings } from '../../activities/index.ts';
import { loadRuleSets } from '../../store/rules.ts';
import { createDecisionLinks } from '../../store/decisionLinks.ts';
import { SecretBox } from '../../store/secrets.ts';
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

it('what was taken over from a dead worker is not sent again when its batch is recorded again', async () => {
  const slow = await startReceiver({ behaviour: { delayMs: 400 } });
  const agent = await engine.agent('slow reporter');
  await engine.notify(agent.id, await engine.webhook(slow.url));
  await engine.stopWorker();
  const { id: sessionId, key: sessionKey } = await startSession(engine, { agents: [agent] });
  const { organisationId, db, workflows } = engine;
  const [rules] = await loadRuleSets(db, organisationId, [agent.id]);
  const batch = {
    organisationId,
    sessionKey,
    sessionId,
    fromSeq: 1,
    toSeq: 1,
    heardOf: 1,
    undecided: [],
    decided: [{ fromSeq: 1, toSeq: 1, outcomes: [[rules!.id, 's1']] as [string, string][] }],
    matched: [{ seq: 1, id: `${sessionId}:started`, type: 'ExecutionStarted' }],
  };
  const shared = { db, workflows, secrets: new SecretBox(engine.settings.secretKey), links: createDecisionLinks(engine.settings.secretKey), publicUrl: 'http://herald.test', timings: defaultSendTimings, listening: createListening(0), log: pino({ level: 'silent' }) };
  const silent = { post: () => new Promise<never>(() => undefined), close: () => Promise.resolve() };
  const http = createOutgoingHttp({ allowedDestinations: ['127.0.0.1'] });
  await createActivities({ ...shared, owner: 'dead too', http: silent }).session.recordAndSend(batch);
  await sql`insert into workers (owner, alive_until) values ('dead too', now())`.execute(db);

  const alive = createActivities({ ...shared, owner: 'alive', http });
  const takingOver = alive.takeOver(0);
  await slow.waitFor(1);
  await alive.session.recordAndSend(batch);
  await takingOver;
  await alive.idle();
  expect(slow.received).toHaveLength(1);
  await http.close();
  await slow.close();
});

async function open(): Promise<number> {
  const { rows } = await sql<{ open: number }>`select count(*)::int as open from deliveries where status <> 'delivered'`.execute(engine.db);
  return rows[0]!.open;
}
