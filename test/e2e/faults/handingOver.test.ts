import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deliveryWorkflowId } from '../../../model/naming.ts';
import { deliveryOf, type EngineSession, event, historyOf, until } from '../../support/engineSession.ts';
import { type FaultStage, startFaultStage } from '../../support/faultStage.ts';
import type { TemporalFault } from '../../support/temporalProxy.ts';

let stage: FaultStage;

beforeAll(async () => {
  stage = await startFaultStage();
});
afterAll(() => stage?.close());

/** How a test calls a break of the connection to the Temporal server. */
const breaks: [string, TemporalFault['breaks']][] = [
  ['before the server hears of it', 'unheard'],
  ['after the server did it, with no answer', 'unanswered'],
];

/** A session that no worker listens for, so that it is told through Temporal and not through Postgres. */
async function toldByCall(): Promise<EngineSession> {
  const session = await stage.reportingSession();
  await session.decided();
  const listens = stage.engine.db.selectFrom('session_progress').select('listening_until').where('session_key', '=', session.key);
  await until(async () => ((await listens.executeTakeFirst())?.listening_until?.getTime() ?? 0) < Date.now() - 100, 'nobody to listen');
  return session;
}

describe('when the call that tells a session of its events fails', () => {
  it.each(breaks)('once, %s, the event is decided once and its message sent once', async (_, when) => {
    const { temporal } = stage;
    const session = await toldByCall();
    const broken = temporal.breakOnce({ call: 'SignalWithStartWorkflowExecution', breaks: when, about: session.id });
    await session.append(event('report'));
    await broken;
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 1 });
  });

  it('again and again, although the server did it, every event is decided once and its message sent once', async () => {
    const { temporal } = stage;
    const session = await toldByCall();
    const fault = temporal.breakAll({ call: 'SignalWithStartWorkflowExecution', breaks: 'unanswered', about: session.id });
    const ids = ['a', 'b', 'c'];
    for (const id of ids) await session.append(event(id));
    expect(await stage.delivered(session, ids)).toEqual({ a: 1, b: 1, c: 1 });
    expect(fault.count()).toBeGreaterThan(0);
    fault.stop();
    await session.append(event('d'));
    expect(await stage.delivered(session, [...ids, 'd'])).toEqual({ a: 1, b: 1, c: 1, d: 1 });
  });
});

describe('when a worker cannot tell what it has done,', () => {
  it.each(breaks)('%s, a decided batch is neither decided nor sent again', async (_, when) => {
    const { temporal } = stage;
    const session = await stage.reportingSession();
    const broken = temporal.breakOnce({ call: 'RespondActivityTaskCompleted', breaks: when });
    await session.append(event('report'));
    await broken;
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 1 });
  });

  it.each(breaks)('%s, a workflow goes on where it was', async (_, when) => {
    const { temporal } = stage;
    const session = await stage.reportingSession();
    const broken = temporal.breakOnce({ call: 'RespondWorkflowTaskCompleted', breaks: when });
    await session.append(event('report'));
    await broken;
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 1 });
    expect((await historyOf(session.handle)).failedTasks).toBe(0);
  });
});

describe('when the workflow that retries a message cannot be started, or not be told,', () => {
  it.each(breaks)('%s, the message is retried, and by one workflow alone', async (_, when) => {
    const { temporal, receiver, engine } = stage;
    const session = await stage.reportingSession();
    const before = receiver.received.length;
    receiver.behave((_received, index) => (index === before ? { status: 500 } : {}));
    const broken = temporal.breakOnce({ call: 'StartWorkflowExecution', breaks: when });
    await session.append(event('report'));
    await broken;
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 2 });
    const { id } = await deliveryOf(engine, session, 'report');
    expect(await runsOf(deliveryWorkflowId(id))).toBe(1);
  });

  it('again and again, the message is retried when the server can be reached', async () => {
    const { temporal, receiver, engine } = stage;
    const session = await stage.reportingSession();
    const before = receiver.received.length;
    receiver.behave((_received, index) => (index === before ? { status: 500 } : {}));
    const fault = temporal.breakAll({ call: 'StartWorkflowExecution', breaks: 'unheard' });
    await session.append(event('report'));
    await expect.poll(() => fault.count()).toBeGreaterThan(2);
    fault.stop();
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 2 });
    expect((await deliveryOf(engine, session, 'report')).attempt_count).toBe(2);
  });

  it.each(breaks)('%s, an attempt whose outcome it could not be told is not made again', async (_, when) => {
    const { temporal, receiver } = stage;
    const session = await stage.reportingSession();
    const before = receiver.received.length;
    receiver.behave((_received, index) => (index === before ? { status: 500 } : {}));
    const broken = temporal.breakOnce({ call: 'RespondActivityTaskCompleted', breaks: when, about: '"outcome":"delivered"' });
    await session.append(event('report'));
    await broken;
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 2 });
  });
});

async function runsOf(workflowId: string): Promise<number> {
  const { client } = stage.engine;
  let runs = 0;
  for await (const run of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) if (run.runId) runs += 1;
  return runs;
}
