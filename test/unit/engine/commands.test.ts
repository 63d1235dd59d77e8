import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCommandActivities } from '../../../activities/commands.ts';
import type { SessionCommand } from '../../../model/session.ts';
import { applyEvent, initialState } from '../../../model/session.ts';
import type { SessionTimeouts } from '../../../model/timeouts.ts';
import type { JsonObject } from '../../../model/types.ts';
import { appendEvents } from '../../../store/append.ts';
import { lastActivityAt, lockNewestState } from '../../../store/commands.ts';
import { confirmationId, readConfirmation } from '../../../store/confirmations.ts';
import { createOrganisation } from '../../../store/organisations.ts';
import { loadEventsAfter } from '../../../store/progress.ts';
import { recordDecisions } from '../../../store/record.ts';
import { createSessionRow } from '../../../store/sessionRow.ts';
import { event } from '../../support/engineSession.ts';
import { createTestDatabase, type TestDatabase, uniqueName } from '../../support/stack.ts';

let database: TestDatabase;
let organisationId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  organisationId = (await createOrganisation(database.db, { name: 'test' })).id;
});
afterAll(() => database?.close());

/** A session that has started, with the activities that commands and deadlines enter through. */
async function newSession(timeouts: Partial<SessionTimeouts> = {}) {
  const { db } = database;
  const sessionId = uniqueName('session');
  const { key } = (await createSessionRow(db, organisationId, { id: sessionId, initTimestamp: '2024-03-14T12:00:00Z', details: {}, agents: [] }))!;
  const reference = { organisationId, sessionId };
  const activities = createCommandActivities({ db });
  const append = (...types: string[]) => appendEvents(db, [{ ...reference, events: types.map((type) => event(uniqueName('e'), type)) }]);
  await appendEvents(db, [{ ...reference, events: [event('started', 'ExecutionStarted', {}, { effects: { timeouts } })] }]);
  return {
    key,
    append,
    changeTimeouts: (changes: Partial<SessionTimeouts>) =>
      appendEvents(db, [{ ...reference, events: [event(uniqueName('timeouts'), 'TimeoutsChanged', {}, { silent: true, effects: { timeouts: changes } })] }]),
    judge: () => activities.judgeDeadlines(reference),
    command: async (command: SessionCommand, payload: JsonObject = {}, requestId = uniqueName('r')) =>
      (await activities.appendCommand({ ...reference, command: { requestId, command, payload, by: 'sarah' } })).answer,
    types: async () => (await loadEventsAfter(db, key, 1, { events: 1000, maxJson: 1e9 })).map(({ type }) => type),
    newest: () => db.transaction().execute(async (trx) => (await lockNewestState(trx, organisationId, sessionId))!.state),
    /** Decides everything that is stored, as the workflow would. */
    async decide() {
      const events = await loadEventsAfter(db, key, 0, { events: 1000, maxJson: 1e9 });
      const snapshot = events.reduce((state, next) => applyEvent(state, next).state, initialState());
      await recordDecisions(db, { organisationId, sessionKey: key, toSeq: events.length, decisions: [], deliveries: [], snapshot, lease: { owner: 'test', ms: 1 }, listenMs: 0 });
      return snapshot;
    },
  };
}

describe('a command', () => {
  it('is judged by everything that is stored, decided or not', async () => {
    const session = await newSession();
    await session.append('ExecutionStepStarted', 'ExecutionPaused', 'ExecutionStepStarted');
    expect(await session.command('pause')).toMatchObject({ outcome: 'refused', status: 'paused' });
    expect(await session.command('resume')).toMatchObject({ outcome: 'done', status: 'running', seq: 5 });
    await session.decide();
    await session.append('ExecutionCompleted');
    expect(await session.command('cancel')).toMatchObject({ outcome: 'refused', status: 'completed' });
  });

  it('amid events and other commands comes before or after each, and one of many wins', async () => {
    const session = await newSession();
    const answers = await Promise.all([
      ...Array.from({ length: 6 }, () => session.command('pause')),
      ...Array.from({ length: 20 }, () => session.append('ExecutionStepStarted').then(() => undefined)),
    ]);
    expect(answers.filter((answer) => answer?.outcome === 'done')).toHaveLength(1);
    const types = await session.types();
    expect(types.filter((type) => type === 'ExecutionPaused')).toHaveLength(1);
    expect(types).toHaveLength(21);
  });

  it('that answers a question closes it, once', async () => {
    const session = await newSession();
    const asked = await session.command('ask', { message: 'Refund?' }, 'q');
    const id = confirmationId(session.key, 'command:q');
    expect(asked).toMatchObject({ outcome: 'done', status: 'awaiting_confirmation' });
    expect(await readConfirmation(database.db, organisationId, id)).toMatchObject({ status: 'pending', asked: { confirmation_id: id } });
    const answers = await Promise.all(['approve', 'reject'].map((decision) => session.command('decide', { confirmationId: id, decision })));
    expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual(['done', 'refused']);
    const status = answers[0]!.outcome === 'done' ? 'approved' : 'rejected';
    expect(await readConfirmation(database.db, organisationId, id)).toMatchObject({ status, decidedBy: 'sarah' });
  });
});

describe('the newest state', () => {
  const types = ['ExecutionStepStarted', 'ExecutionPaused', 'ExecutionResumed', 'ExecutionAwaitingConfirmation', 'ExecutionReminder', 'UserMessageReceived'];

  it('is the same wherever the decided events end', async () => {
    const session = await newSession({ pauseMs: 1000 });
    for (let round = 0; round < 12; round += 1) {
      await session.append(...types.slice(round % types.length), types[(round * 5) % types.length]!);
      const { lastEventType: _, ...undecided } = await session.newest();
      const { lastEventType: __, ...decided } = JSON.parse(JSON.stringify(round % 3 === 0 ? await session.decide() : await everything(session.key))) as Awaited<ReturnType<typeof everything>>;
      expect(JSON.parse(JSON.stringify(undecided))).toEqual(decided);
    }
  });

  async function everything(key: number) {
    const events = await loadEventsAfter(database.db, key, 0, { events: 1000, maxJson: 1e9 });
    return events.reduce((state, next) => applyEvent(state, next).state, initialState());
  }
});

describe('a deadline', () => {
  it('that is judged twice at once happens once', async () => {
    const session = await newSession({ pauseMs: 1, reminderMs: null });
    await session.command('pause');
    const judged = await Promise.all([session.judge(), session.judge(), session.judge()]);
    expect(judged.filter(({ appended }) => appended)).toHaveLength(1);
    expect(await session.types()).toEqual(['ExecutionPaused', 'ExecutionCancelled']);
  });

  it('that is not due answers when it is', async () => {
    const session = await newSession({ idleMs: 60_000 });
    const { appended, nextMs } = await session.judge();
    expect(appended).toBe(false);
    expect(nextMs).toBeGreaterThan(50_000);
    expect(nextMs).toBeLessThanOrEqual(60_000);
  });

  it('of silence is put off by what the agent reports and by going on, not by messages from people and changed timeouts', async () => {
    const session = await newSession({ idleMs: 60_000 });
    const countsFrom = async () => {
      const at = await lastActivityAt(database.db, session.key);
      const rows = await database.db.selectFrom('events').select(['type', 'received_at']).where('session_key', '=', session.key).execute();
      return rows.find(({ received_at }) => received_at.getTime() === at?.getTime())?.type;
    };
    expect(await countsFrom()).toBe('ExecutionStarted');
    await session.command('message', { message: 'Are you there?' });
    expect(await countsFrom()).toBe('ExecutionStarted');
    await session.append('ExecutionStepStarted');
    expect(await countsFrom()).toBe('ExecutionStepStarted');
    await session.changeTimeouts({ maxDurationMs: 60_000 });
    expect(await countsFrom()).toBe('ExecutionStepStarted');
    await session.command('pause');
    expect(await countsFrom()).toBe('ExecutionStepStarted');
    await session.command('resume');
    expect(await countsFrom()).toBe('ExecutionResumed');
  });
});
