import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandAnswer, type Commands, createCommands } from '../../api/commands.ts';
import { startTemporal, type TemporalPart } from '../../embedded/temporal.ts';
import type { SessionCommand } from '../../model/session.ts';
import type { JsonObject } from '../../model/types.ts';
import { confirmationId, readConfirmation } from '../../store/confirmations.ts';
import { type Engine, shortTimings, startEngine } from '../support/engine.ts';
import { type EngineSession, event, startSession, until } from '../support/engineSession.ts';
import { uniqueName } from '../support/stack.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/workerProcess.ts';

const MAX_HISTORY_EVENTS = 40;

let dataDir: string;
let temporal: TemporalPart;
let engine: Engine;
let commands: Commands;
let worker: WorkerProcess;

beforeAll(async () => {
  // A folder of its own: this Temporal server is killed, and comes back on the same port with the same database.
  dataDir = mkdtempSync(path.join(tmpdir(), 'herald-waiting-'));
  temporal = await startServer();
  engine = await startEngine({ temporalAddress: temporal.address, worker: false, timings: { session: { ...shortTimings.session, maxHistoryEvents: MAX_HISTORY_EVENTS } } });
  commands = createCommands(engine);
  worker = await startWorkerProcess(engine.settings);
});
afterAll(async () => {
  await worker?.kill();
  await engine?.close();
  await temporal?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const quiet = () => undefined;
const startServer = () => startTemporal({ dataDir, log: quiet, progress: quiet });

async function killWorkerAndTemporal(): Promise<void> {
  await worker.kill();
  process.kill(temporal.pid, 'SIGKILL');
  await temporal.ended;
}

async function bringBack(): Promise<void> {
  temporal = await startServer();
  worker = await startWorkerProcess(engine.settings);
}

async function newSession(): Promise<EngineSession> {
  const session = await startSession(engine, { agents: [await engine.agent('waiting')] });
  await session.decided();
  return session;
}

const send = (session: EngineSession, command: SessionCommand, payload: JsonObject = {}, requestId = uniqueName('request')): Promise<CommandAnswer> =>
  commands.run(engine.organisationId, session.id, { requestId, command, payload, by: 'sarah' });

async function statusOf(session: EngineSession): Promise<string> {
  const { status } = await engine.db.selectFrom('sessions').select('status').where('key', '=', session.key).executeTakeFirstOrThrow();
  return status;
}

const typesOf = async (session: EngineSession) => {
  const rows = await engine.db.selectFrom('events').select('type').where('session_key', '=', session.key).where('silent', '=', false).orderBy('seq').execute();
  return rows.map(({ type }) => type).slice(1);
};

const timeouts = (changes: object) => event(uniqueName('timeouts'), 'TimeoutsChanged', {}, { silent: true, effects: { timeouts: changes } });

describe('a session that waits', () => {
  it('goes on after its worker and the Temporal server were killed: commands, deadlines that passed meanwhile, and those to come', async () => {
    const [paused, asking, expiring, silent] = await Promise.all([newSession(), newSession(), newSession(), newSession()]);
    await send(paused, 'pause');
    const asked = await send(asking, 'ask', { message: 'Refund?' });
    await expiring.append(timeouts({ confirmationMs: 1500 }));
    const unanswered = await send(expiring, 'ask', { message: 'Refund more?' });
    await silent.append(timeouts({ idleMs: 6000 }));
    await Promise.all([paused, asking, expiring, silent].map((session) => session.decided()));
    if (asked.outcome !== 'done' || unanswered.outcome !== 'done') throw new Error('not asked');

    await killWorkerAndTemporal();
    expect(await send(paused, 'resume', {}, 'while away')).toEqual({ outcome: 'unavailable' });
    // What an agent reports is accepted all the same.
    await asking.append(event('meanwhile', 'UserMessageReceived'));
    await bringBack();

    expect(await send(paused, 'resume', {}, 'while away')).toMatchObject({ outcome: 'done', status: 'running' });
    const decision = { confirmationId: confirmationId(asking.key, asked.eventId), decision: 'approve', reason: null };
    expect(await send(asking, 'decide', decision)).toMatchObject({ outcome: 'done', status: 'running' });
    await until(async () => (await statusOf(expiring)) === 'running', 'the question to be answered by its time-out');
    expect(await readConfirmation(engine.db, engine.organisationId, confirmationId(expiring.key, unanswered.eventId))).toMatchObject({ status: 'rejected', decidedBy: 'timeout' });
    await until(async () => (await statusOf(silent)) === 'cancelled', 'the silent session to be cancelled', 60_000);
    expect(await typesOf(paused)).toEqual(['ExecutionPaused', 'ExecutionResumed']);
    expect(await typesOf(asking)).toEqual(['ExecutionAwaitingConfirmation', 'UserMessageReceived', 'ExecutionResumed']);
    expect(await typesOf(expiring)).toEqual(['ExecutionAwaitingConfirmation', 'ExecutionResumed']);
  }, 120_000);

  it('goes on when they are killed in the middle of continue-as-new', async () => {
    const session = await newSession();
    const { runId } = await session.handle.describe();
    // A history that is too long for the next piece of work …
    for (let copy = 0; copy < MAX_HISTORY_EVENTS; copy += 1) await session.handle.signal('news', { lastSeq: 1, events: [] });
    // … and a command under way, for which the run waits before it hands over.
    const release = await holdLock(session);
    const pausing = send(session, 'pause', {}, 'amid');
    await until(() => hasAcceptedUpdate(session), 'the command to be accepted');
    await session.handle.signal('news', { lastSeq: 2, events: [] });
    await killWorkerAndTemporal();
    await release();
    await bringBack();
    expect(['done', 'unavailable']).toContain((await pausing).outcome);
    expect(await send(session, 'pause', {}, 'amid')).toMatchObject({ outcome: 'done', status: 'paused' });
    await session.append(event('e1'));
    await session.decided();
    await until(async () => (await session.handle.describe()).runId !== runId, 'the next run');
    expect(await typesOf(session)).toEqual(['ExecutionPaused', 'Reported']);
    await session.append(timeouts({ pauseMs: 1, reminderMs: null }));
    await until(async () => (await statusOf(session)) === 'cancelled', 'the pause of an earlier run to time out');
    expect(await typesOf(session)).toEqual(['ExecutionPaused', 'Reported', 'ExecutionCancelled']);
  }, 120_000);
});

describe('a pause', () => {
  it('times out in a later run, when it was to', async () => {
    const session = await newSession();
    await session.append(timeouts({ pauseMs: 6000, reminderMs: 3000 }));
    await send(session, 'pause');
    const { runId } = await session.handle.describe();
    while ((await session.handle.describe()).runId === runId) await send(session, 'message', { message: 'Still there?' });
    await until(async () => (await statusOf(session)) === 'cancelled', 'the pause to time out');
    const rows = await engine.db.selectFrom('events').select(['type', 'received_at']).where('session_key', '=', session.key).where('type', 'in', ['ExecutionPaused', 'ExecutionReminder', 'ExecutionCancelled']).orderBy('seq').execute();
    const [pausedAt, ...later] = rows.map(({ received_at }) => received_at.getTime());
    expect(rows.map(({ type }) => type)).toEqual(['ExecutionPaused', 'ExecutionReminder', 'ExecutionCancelled']);
    const [remindedAfter, cancelledAfter] = later.map((at) => at - pausedAt!);
    expect(remindedAfter).toBeGreaterThanOrEqual(3000);
    expect(remindedAfter).toBeLessThan(6000);
    expect(cancelledAfter).toBeGreaterThanOrEqual(6000);
  }, 120_000);
});

describe('a request id', () => {
  it('is remembered across runs', async () => {
    const session = await newSession();
    const first = await send(session, 'pause', {}, 'first');
    const { runId } = await session.handle.describe();
    for (let round = 0; (await session.handle.describe()).runId === runId; round += 1) {
      expect(round).toBeLessThan(MAX_HISTORY_EVENTS);
      expect((await send(session, round % 2 === 0 ? 'resume' : 'pause')).outcome).toBe('done');
      await session.decided();
    }
    expect(await send(session, 'pause', {}, 'first')).toEqual(first);
    await session.decided();
    expect((await typesOf(session)).filter((type) => type === 'ExecutionPaused').length).toBe(Math.ceil((await typesOf(session)).length / 2));
  });
});

async function hasAcceptedUpdate(session: EngineSession): Promise<boolean> {
  const { events } = await session.handle.fetchHistory();
  return (events ?? []).some(({ workflowExecutionUpdateAcceptedEventAttributes }) => workflowExecutionUpdateAcceptedEventAttributes);
}

/** Keeps everything from being appended to a session until it is released. */
async function holdLock(session: EngineSession): Promise<() => Promise<void>> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const holding = engine.db.transaction().execute(async (trx) => {
    await trx.selectFrom('session_progress').select('last_seq').where('session_key', '=', session.key).forUpdate().execute();
    hold();
    await released;
  });
  await held;
  return async () => {
    release();
    await holding;
  };
}
