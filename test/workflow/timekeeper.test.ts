import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCommands } from '../../api/commands.ts';
import type { SessionTimeouts } from '../../model/timeouts.ts';
import { confirmationId, readConfirmation } from '../../store/confirmations.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, type EngineSession, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  // One session at a time, so that it has to get from one to the next.
  engine = await startEngine({ timings: { timekeeper: { pauseMs: 50, graceMs: 1000, sessions: 1 } } });
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
});

async function newSession(timeouts: Partial<SessionTimeouts>): Promise<EngineSession> {
  const agent = await engine.agent(uniqueName('agent'));
  await engine.notify(agent.id, await engine.webhook(receiver.url));
  const session = await startSession(engine, { agents: [agent], timeouts });
  await session.decided();
  return session;
}

const send = (session: EngineSession, command: 'pause' | 'ask') =>
  createCommands(engine).run(engine.organisationId, session.id, { requestId: command, command, payload: { message: 'Refund?' }, by: 'sarah' });

async function statusOf(session: EngineSession): Promise<string> {
  const { status } = await engine.db.selectFrom('sessions').select('status').where('key', '=', session.key).executeTakeFirstOrThrow();
  return status;
}

async function payloadsOf(session: EngineSession, type: string) {
  const rows = await engine.db.selectFrom('events').select('payload').where('session_key', '=', session.key).where('type', '=', type).execute();
  return rows.map(({ payload }) => payload);
}

it('minds the deadlines of sessions whose run was terminated and that have no further event, and nobody else\'s', async () => {
  const [silent, paused, asking, patient] = await Promise.all([
    newSession({ idleMs: 3000 }),
    newSession({ pauseMs: 3000, reminderMs: null }),
    newSession({ confirmationMs: 3000, reminderMs: null }),
    newSession({ idleMs: 3_600_000 }),
  ]);
  expect([(await send(paused, 'pause')).outcome, (await send(asking, 'ask')).outcome]).toEqual(['done', 'done']);
  const sessions = [silent, paused, asking, patient];
  await Promise.all(sessions.map((session) => session.decided()));
  await Promise.all(sessions.map((session) => session.handle.terminate('by a test')));

  await expect.poll(() => statusOf(silent)).toBe('cancelled');
  await expect.poll(() => statusOf(paused)).toBe('cancelled');
  await expect.poll(() => statusOf(asking)).toBe('running');
  expect(await payloadsOf(silent, 'ExecutionCancelled')).toEqual([{ reason: 'no_activity', outcome: 'cancelled', timed_out: 'idle' }]);
  expect(await payloadsOf(paused, 'ExecutionCancelled')).toEqual([{ reason: 'timeout', outcome: 'cancelled', timed_out: 'pause' }]);
  const question = await readConfirmation(engine.db, engine.organisationId, confirmationId(asking.key, 'command:ask'));
  expect(question).toMatchObject({ status: 'rejected', decidedBy: 'timeout' });
  const messages = await arrivedOf(receiver, silent, 2);
  expect(messages.map(({ info }) => info.event)).toEqual(['EXECUTION_STARTED', 'EXECUTION_CANCELLED']);
  expect(await statusOf(patient)).toBe('running');
  expect((await patient.handle.describe()).status.name).toBe('TERMINATED');
});
