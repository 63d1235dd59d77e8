import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCommands } from '../../../api/commands.ts';
import { listDeliveries } from '../../../store/deliveries.ts';
import { type Engine, shortTimings, startEngine } from '../../support/engine.ts';
import { arrivedOf, type EngineSession, event, historyOf, startSession, until } from '../../support/engineSession.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { uniqueName } from '../../support/stack.ts';
import { startTemporalProxy, type TemporalProxy } from '../../support/temporalProxy.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/workerProcess.ts';

const MAX_HISTORY_EVENTS = 40;
/** In the input of a run that another one handed over to, and so in the command that hands over. */
const CARRIED = '"carried":';
/** A task that a killed worker had is given to another one after ten seconds. */
const LONG_MS = 60_000;

let engine: Engine;
let receiver: Receiver;
/** Between the worker that will be killed and the Temporal server. */
let proxy: TemporalProxy;
let worker: WorkerProcess;

beforeAll(async () => {
  const session = { ...shortTimings.session, maxHistoryEvents: MAX_HISTORY_EVENTS };
  [engine, receiver] = await Promise.all([startEngine({ worker: false, timings: { session } }), startReceiver()]);
  proxy = await startTemporalProxy(engine.settings.temporal.address);
  worker = await startWorkerProcess({ ...engine.settings, temporal: { ...engine.settings.temporal, address: proxy.address } });
});
afterAll(async () => {
  await worker?.kill();
  await engine?.close();
  await proxy?.close();
  await receiver?.close();
});

interface ReportingSession extends EngineSession {
  firstRun: string;
  /** Events of which the receiver is told. */
  reported: string[];
  report(): Promise<void>;
  isDecided(): Promise<boolean>;
  runId(): Promise<string>;
}

async function reportingSession(): Promise<ReportingSession> {
  const agent = await engine.agent(uniqueName('agent'));
  await engine.notify(agent.id, await engine.webhook(receiver.url), { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  const session = await startSession(engine, { agents: [agent] });
  await session.decided();
  const reported: string[] = [];
  const runId = async () => (await session.handle.describe()).runId;
  const progress = engine.db.selectFrom('session_progress').select(['last_seq', 'decided_seq']).where('session_key', '=', session.key);
  return {
    ...session,
    firstRun: await runId(),
    reported,
    runId,
    async report() {
      reported.push(`e${reported.length}`);
      await session.append(event(reported.at(-1)!));
    },
    async isDecided() {
      const { last_seq: last, decided_seq: decided } = await progress.executeTakeFirstOrThrow();
      return last === decided;
    },
  };
}

/** Reports, event by event, until the run has come to its hand-over. */
async function reportUntil(session: ReportingSession, isThere: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isThere())) {
    await session.report();
    await until(async () => (await isThere()) || session.isDecided(), 'the event to be decided, or the hand-over');
  }
}

async function allArrived(session: ReportingSession, count: number): Promise<void> {
  const delivered = async () => {
    const { items } = await listDeliveries(engine.db, engine.organisationId, { sessionId: session.id }, { limit: 1000 });
    return items.filter(({ status }) => status === 'delivered').length;
  };
  await expect.poll(delivered).toBe(count);
}

function pause(session: EngineSession, requestId: string) {
  return createCommands(engine).run(engine.organisationId, session.id, { requestId, command: 'pause', payload: {}, by: 'sarah' });
}

async function eventIds(session: EngineSession): Promise<string[]> {
  const rows = await engine.db.selectFrom('events').select('event_id').where('session_key', '=', session.key).orderBy('seq').execute();
  return rows.map(({ event_id: id }) => id).slice(1);
}

it('a worker that is killed while sessions hand over to their next runs loses nothing of them, and nothing happens twice', { timeout: 2 * LONG_MS }, async () => {
  const [begun, unheard, commanded] = [await reportingSession(), await reportingSession(), await reportingSession()];
  // Of the first one the next run exists, and its first task never reaches the worker.
  const takesOver = proxy.breakAll({ call: 'RespondWorkflowTaskCompleted', breaks: 'unanswered', about: [CARRIED, begun.id] });
  proxy.breakAll({ call: 'PollWorkflowTaskQueue', breaks: 'unanswered', about: [CARRIED, begun.id] });
  // Of the second one the server never hears that it hands over.
  const handsOver = proxy.breakAll({ call: 'RespondWorkflowTaskCompleted', breaks: 'unheard', about: [CARRIED, unheard.id] });
  // The third one waits with it for a command, which is stored and whose workflow does not know.
  const requestId = randomUUID();
  const carriesOut = proxy.breakAll({ call: 'RespondActivityTaskCompleted', breaks: 'unheard', about: ['"answer":', `command:${requestId}`] });
  const commanding = pause(commanded, requestId);
  await until(async () => carriesOut.count() > 0, 'the command to be carried out');
  const historyLength = async () => (await commanded.handle.describe()).historyLength;
  await reportUntil(commanded, async () => (await historyLength()) > MAX_HISTORY_EVENTS);
  await commanded.report();
  await reportUntil(begun, () => takesOver.count() > 0);
  await reportUntil(unheard, () => handsOver.count() > 0);
  const decidedBefore = await Promise.all([begun, unheard, commanded].map(async (session) => (await session.decisions()).filter(({ outcome }) => outcome === 'sent').length));
  for (const [index, session] of [begun, unheard, commanded].entries()) await allArrived(session, decidedBefore[index]!);
  expect(await Promise.all([begun, unheard, commanded].map((session) => session.isDecided()))).toEqual([false, false, false]);
  await worker.kill();

  expect(await unheard.runId()).toBe(unheard.firstRun);
  expect(await commanded.runId()).toBe(commanded.firstRun);
  expect(await begun.runId()).not.toBe(begun.firstRun);
  const { events = [] } = await begun.handle.fetchHistory();
  expect(events?.some((each) => each.workflowTaskCompletedEventAttributes)).toBe(false);

  for (const session of [begun, unheard, commanded]) await session.report();
  worker = await startWorkerProcess(engine.settings);
  await commanding;
  for (const session of [begun, unheard]) {
    const id = randomUUID();
    await expect.poll(() => pause(session, id)).toMatchObject({ outcome: 'done', status: 'paused' });
  }
  await expect.poll(() => pause(commanded, requestId)).toMatchObject({ outcome: 'done', eventId: `command:${requestId}` });

  for (const session of [begun, unheard, commanded]) {
    await session.decided();
    await allArrived(session, session.reported.length);
    expect(await session.runId()).not.toBe(session.firstRun);
    const stored = await eventIds(session);
    expect(stored.filter((id) => !id.startsWith('command:'))).toEqual(session.reported);
    expect(stored).toHaveLength(session.reported.length + 1);
    const messages = await arrivedOf(receiver, session, session.reported.length);
    expect(messages.map(({ event_id }) => event_id).toSorted()).toEqual(session.reported.toSorted());
    await expect.poll(() => session.view()).toMatchObject({ counts: { sent: session.reported.length }, state: { status: 'paused' } });
    expect((await historyOf(session.handle)).failedTasks).toBe(0);
  }
});
