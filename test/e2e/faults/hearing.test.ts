import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortTimings } from '../../support/engine.ts';
import { type EngineSession, event, until } from '../../support/engineSession.ts';
import { type FaultStage, startFaultStage } from '../../support/faultStage.ts';

let stage: FaultStage;

beforeAll(async () => {
  // Long enough for what a test does meanwhile.
  stage = await startFaultStage({ timings: { send: { ...shortTimings.send, listenMs: 6000 } } });
});
afterAll(() => stage?.close());

/** A session whose worker waits for its next event, so that it is told through Postgres and not through Temporal. */
async function listenedTo(): Promise<EngineSession> {
  const session = await stage.reportingSession();
  await session.append(event('first'));
  await stage.delivered(session, ['first']);
  const listens = stage.engine.db.selectFrom('session_progress').select('listening_until').where('session_key', '=', session.key);
  await until(async () => ((await listens.executeTakeFirst())?.listening_until?.getTime() ?? 0) > Date.now() + 1000, 'the worker to listen');
  return session;
}

describe('when the word that a listening worker has new events to decide', () => {
  it.each([
    ['breaks off before Postgres hears of it', 'unheard'],
    ['breaks off after Postgres has passed it on', 'unanswered'],
  ] as const)('%s, they are decided once and their messages sent once', async (_, breaks) => {
    const session = await listenedTo();
    const broken = stage.postgres.breakOnce({ statement: /pg_notify/, breaks });
    await session.append(event('second'));
    await broken;
    expect(await stage.delivered(session, ['first', 'second'])).toEqual({ first: 1, second: 1 });
  });

  it('cannot reach it, because its connection was cut, they are decided once and their messages sent once', async () => {
    const session = await listenedTo();
    stage.postgres.goAway();
    stage.postgres.comeBack();
    await session.append(event('second'));
    expect(await stage.delivered(session, ['first', 'second'])).toEqual({ first: 1, second: 1 });
  });
});

it('when every connection to Postgres falls silent, events are stored, decided and sent over new ones', { timeout: 90_000 }, async () => {
  const session = await listenedTo();
  stage.postgres.fallSilent();
  stage.postgres.comeBack();
  await session.append(event('second'));
  expect(await stage.delivered(session, ['first', 'second'])).toEqual({ first: 1, second: 1 });
});
