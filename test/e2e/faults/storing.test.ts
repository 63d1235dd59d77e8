import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDelivery } from '../../../store/deliveries.ts';
import { deliveryOf, event, startSession } from '../../support/engineSession.ts';
import { type FaultStage, startFaultStage } from '../../support/faultStage.ts';
import type { PostgresFault } from '../../support/postgresProxy.ts';
import { uniqueName } from '../../support/stack.ts';

let stage: FaultStage;

beforeAll(async () => {
  stage = await startFaultStage();
});
afterAll(() => stage?.close());

const APPEND = /insert into events/;
const DECISIONS = /insert into decisions/;
const OUTCOMES = /insert into attempts/;

/** How a test calls a break of Postgres' connection. */
const breaks: [string, PostgresFault['breaks']][] = [
  ['before Postgres hears of it', 'unheard'],
  ['after it was committed, with no answer', 'unanswered'],
];

describe('when the connection to Postgres breaks while an event is stored,', () => {
  it.each(breaks)('%s, the event is stored once and delivered once', async (_, when) => {
    const { postgres } = stage;
    const session = await stage.reportingSession();
    const broken = postgres.breakOnce({ statement: APPEND, breaks: when });
    await session.append(event('report'));
    await broken;
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 1 });
    expect(await storedIds(session.key)).toEqual([`${session.id}:started`, 'report']);
  });

  it.each([...breaks, ['before it is committed', 'uncommitted'] as const])('%s, a session is created once, with one start', async (_, when) => {
    const { postgres, engine } = stage;
    const agent = await engine.agent(uniqueName('agent'));
    await engine.notify(agent.id, await engine.webhook(stage.receiver.url));
    const broken = postgres.breakOnce({ statement: APPEND, breaks: when });
    const session = await startSession(engine, { agents: [agent] });
    await broken;
    expect(await stage.delivered(session, [`${session.id}:started`])).toEqual({ [`${session.id}:started`]: 1 });
  });

  it('every request that shared the transaction is stored once, in the order of its session', async () => {
    const { postgres } = stage;
    const sessions = await Promise.all([stage.reportingSession(), stage.reportingSession(), stage.reportingSession()]);
    const ids = Array.from({ length: 10 }, (_, index) => `report ${index}`);
    const broken = postgres.breakOnce({ statement: APPEND, breaks: 'unanswered' });
    await Promise.all(sessions.flatMap((session) => ids.map((id) => session.append(event(id)))));
    await broken;
    for (const session of sessions) {
      expect(await stage.delivered(session, ids)).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
      expect(await storedIds(session.key)).toEqual([`${session.id}:started`, ...ids]);
    }
  });
});

describe('when the connection to Postgres breaks while a decision is recorded,', () => {
  it.each(breaks)('%s, the event is decided once and its message sent once', async (_, when) => {
    const { postgres } = stage;
    const session = await stage.reportingSession();
    await session.decided();
    const broken = postgres.breakOnce({ statement: DECISIONS, breaks: when });
    await session.append(event('report'));
    await broken;
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 1 });
  });
});

describe('when the connection to Postgres breaks while the outcome of an attempt is recorded,', () => {
  it.each(breaks)('%s, a message that arrived is not sent again', async (_, when) => {
    const { postgres } = stage;
    const session = await stage.reportingSession();
    await session.decided();
    const broken = postgres.breakOnce({ statement: OUTCOMES, breaks: when });
    await session.append(event('report'));
    await broken;
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 1 });
  });

  it.each(breaks)('%s, an attempt that failed counts once, and the next one follows', async (_, when) => {
    const { postgres, receiver, engine } = stage;
    const session = await stage.reportingSession();
    await session.decided();
    const before = receiver.received.length;
    receiver.behave((_received, index) => (index === before ? { status: 500 } : {}));
    const broken = postgres.breakOnce({ statement: OUTCOMES, breaks: when });
    await session.append(event('report'));
    await broken;
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 2 });
    const { attempts } = (await readDelivery(engine.db, engine.organisationId, (await deliveryOf(engine, session, 'report')).id))!;
    expect(attempts.map(({ number, ok }) => [number, ok])).toEqual([[1, false], [2, true]]);
  });
});

async function storedIds(sessionKey: number): Promise<string[]> {
  const rows = await stage.engine.db.selectFrom('events').select('event_id').where('session_key', '=', sessionKey).orderBy('seq').execute();
  return rows.map((row) => row.event_id);
}
