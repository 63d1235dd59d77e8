import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandAnswer, type Commands, createCommands } from '../../../api/commands.ts';
import type { EngineSession } from '../../support/engineSession.ts';
import { type FaultStage, startFaultStage } from '../../support/faultStage.ts';
import type { PostgresFault } from '../../support/postgresProxy.ts';
import type { TemporalFault } from '../../support/temporalProxy.ts';

let stage: FaultStage;
let commands: Commands;

beforeAll(async () => {
  stage = await startFaultStage();
  commands = createCommands(stage.engine);
});
afterAll(() => stage?.close());

/** An update with start. */
const COMMAND_CALL = 'ExecuteMultiOperation';
const APPEND = /insert into events/;
const paused = { outcome: 'done', eventId: 'command:once', seq: 2, status: 'paused' };

async function quietSession(): Promise<EngineSession> {
  const session = await stage.reportingSession();
  await session.decided();
  return session;
}

function pause(session: EngineSession): Promise<CommandAnswer> {
  return commands.run(stage.engine.organisationId, session.id, { requestId: 'once', command: 'pause', payload: {}, by: 'sarah' });
}

/** The repeat of a command that was carried out answers the same, and the session holds its event once. */
async function expectPausedOnce(session: EngineSession): Promise<void> {
  expect(await pause(session)).toEqual(paused);
  await session.decided();
  const stored = await stage.engine.db.selectFrom('events').select('event_id').where('session_key', '=', session.key).orderBy('seq').execute();
  expect(stored.map((row) => row.event_id)).toEqual([`${session.id}:started`, 'command:once']);
  expect((await session.view()).state.status).toBe('paused');
}

const calls: [string, TemporalFault['breaks']][] = [
  ['before the server hears of it', 'unheard'],
  ['after it was carried out, with no answer', 'unanswered'],
];

describe('when the call that sends a command breaks', () => {
  it.each(calls)('once, %s, the command is carried out once, and answered', async (_, when) => {
    const session = await quietSession();
    const broken = stage.temporal.breakOnce({ call: COMMAND_CALL, breaks: when, about: session.id });
    const answer = await pause(session);
    await broken;
    expect(answer).toEqual(paused);
    await expectPausedOnce(session);
  });

  it.each(calls)('again and again, %s, the caller is told to try again, and the repeat is answered', async (_, when) => {
    const session = await quietSession();
    const fault = stage.temporal.breakAll({ call: COMMAND_CALL, breaks: when, about: session.id });
    expect(await pause(session)).toEqual({ outcome: 'unavailable' });
    expect(fault.count()).toBeGreaterThan(0);
    fault.stop();
    await expectPausedOnce(session);
  });
});

const transactions: [string, PostgresFault['breaks']][] = [
  ['before Postgres hears of its event', 'unheard'],
  ['before it is committed', 'uncommitted'],
  ['after it was committed, with no answer', 'unanswered'],
];

describe("when the connection to Postgres breaks in a command's transaction,", () => {
  it.each(transactions)('%s, the command is carried out once, and answered', async (_, when) => {
    const session = await quietSession();
    const broken = stage.postgres.breakOnce({ statement: APPEND, breaks: when });
    const answer = await pause(session);
    await broken;
    expect(answer).toEqual(paused);
    await expectPausedOnce(session);
  });
});
