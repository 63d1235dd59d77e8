import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { updateNotification } from '../../store/notifications.ts';
import { arrivedOf, deliveryOf, event, historyOf, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';
import { type Engine, startEngine } from '../support/engine.ts';

let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  [engine, receiver] = await Promise.all([startEngine(), startReceiver()]);
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
});

/** A new agent whose events all go to the receiver. */
async function reportingAgent(rule: Parameters<Engine['notify']>[2] = {}) {
  const agent = await engine.agent(uniqueName('agent'));
  const integrationId = await engine.webhook(receiver.url);
  const notificationId = await engine.notify(agent.id, integrationId, rule);
  return { agent, integrationId, notificationId };
}

/** Ids of the events that a session's messages are about, once there are so many; the session's start is left out. */
async function arrivals(session: { id: string }, count: number): Promise<string[]> {
  const messages = await arrivedOf(receiver, session, count);
  return messages.map(({ event_id }) => event_id).filter((id) => id !== `${session.id}:started`);
}

describe('a session', () => {
  it('delivers its events in order, in whatever portions they come', async () => {
    const { agent, notificationId } = await reportingAgent();
    const session = await startSession(engine, { id: uniqueName('ordered'), agents: [agent] });
    await session.append(event('a'));
    await session.append(event('b'), event('c'));
    await session.append(...Array.from({ length: 20 }, (_, index) => event(`d${index}`)));
    await session.append(event('e'));
    const messages = await arrivedOf(receiver, session, 25);
    expect(messages.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
    await session.decided();
    const decisions = await session.decisions();
    expect(decisions).toHaveLength(25);
    expect(new Set(decisions.map(({ outcome, notification }) => `${notification} ${outcome}`))).toEqual(new Set([`${notificationId} sent`]));
  });

  it('signs what it sends and says whose event it is', async () => {
    const { agent } = await reportingAgent({ subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] } });
    const session = await startSession(engine, { agents: [agent], metadata: { environment: 'production' } });
    await session.append(event('failed', 'ExecutionFailed', { reason: 'Payment gateway timeout' }));
    const [message] = await arrivedOf(receiver, session, 1);
    expect(message).toMatchObject({
      id: (await deliveryOf(engine, session, 'failed')).id,
      type: 'execution',
      event_id: 'failed',
      info: {
        event: 'EXECUTION_FAILED',
        execution_id: session.id,
        execution_url: `http://herald.test/sessions/${session.id}`,
        agent_name: agent.name,
        payload: { reason: 'Payment gateway timeout' },
        metadata: { environment: 'production' },
      },
    });
  });

  it('decides each event with the metadata as of its sequence number', async () => {
    const { agent } = await reportingAgent({ metadataFilter: { environment: 'production' } });
    const session = await startSession(engine, { agents: [agent], metadata: { environment: 'staging' } });
    await session.append(
      event('before'),
      event('learns', 'ExecutionWorkflowUpdated', {}, { effects: { metadata: { environment: 'production' } } }),
      event('after'),
      event('forgets', 'ExecutionWorkflowUpdated', {}, { effects: { metadata: { environment: 'staging' } } }),
    );
    await session.decided();
    const outcomes = (await session.decisions()).map(({ event: id, outcome }) => `${id} ${outcome}`);
    expect(outcomes).toEqual([`${session.id}:started metadata`, 'before metadata', 'learns sent', 'after sent', 'forgets metadata']);
    const messages = await arrivedOf(receiver, session, 2);
    expect(messages.map(({ info }) => info.metadata)).toEqual([{ environment: 'production' }, { environment: 'production' }]);
  });

  it('follows a change of rules with every event accepted after it', async () => {
    const { agent, notificationId } = await reportingAgent();
    const session = await startSession(engine, { agents: [agent] });
    for (const [round, enabled] of [false, true, false].entries()) {
      await session.append(event(`before ${round}`));
      await updateNotification(engine.db, engine.organisationId, notificationId, (current) => ({ ...current, enabled }), () => {});
      await session.append(event(`after ${round}`));
      await session.decided();
    }
    const outcomes = (await session.decisions()).filter(({ event: id }) => id.startsWith('after'));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['disabled', 'sent', 'disabled']);
  });

  it('sends the same event once to a destination that several agents name', async () => {
    const { agent: first, integrationId } = await reportingAgent();
    const second = await engine.agent(uniqueName('second'));
    await engine.notify(second.id, integrationId);
    const session = await startSession(engine, { agents: [first, second] });
    await session.append(event('failed', 'ExecutionFailed'));
    await session.decided();
    await arrivals(session, 2);
    expect((await session.decisions()).map(({ event: id, outcome }) => `${id} ${outcome}`)).toEqual([
      `${session.id}:started sent`,
      `${session.id}:started same_destination`,
      'failed sent',
      'failed same_destination',
    ]);
  });

  it('ends once, and tells nobody of later ends', async () => {
    const { agent } = await reportingAgent();
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('end', 'ExecutionCompleted', { outcome: 'success' }));
    await session.append(event('end again', 'ExecutionFailed'), event('late log'));
    await session.decided();
    expect(await arrivals(session, 3)).toEqual(['end', 'late log']);
    expect((await session.decisions()).find(({ event: id }) => id === 'end again')?.outcome).toBe('already_ended');
    await expect.poll(async () => (await session.view()).state).toMatchObject({ status: 'completed', endedBySeq: 2 });
  });

  it('closes after its end, and starts again for what comes later, knowing what happened', async () => {
    const { agent } = await reportingAgent();
    const session = await startSession(engine, { agents: [agent], metadata: { team: 'payments' } });
    await session.append(event('end', 'ExecutionFailed', { reason: 'timeout' }));
    await expect.poll(async () => (await session.handle.describe()).status.name).toBe('COMPLETED');
    const firstRun = (await session.handle.describe()).runId;
    await session.append(event('late'), event('end again', 'ExecutionCompleted'));
    await session.decided();
    const messages = await arrivedOf(receiver, session, 3);
    expect(messages.slice(1)).toMatchObject([{ event_id: 'end' }, { event_id: 'late', info: { agent_name: agent.name, metadata: { team: 'payments' } } }]);
    const second = await session.handle.describe();
    expect(second.runId).not.toBe(firstRun);
    expect(second.searchAttributes).toMatchObject({ HeraldStatus: ['failed'], HeraldAgent: [agent.name] });
    expect((await session.view()).state).toMatchObject({ status: 'failed', endedBySeq: 2, metadata: { team: 'payments' } });
  });

  it('judges a large event by all of it and keeps its own history small', async () => {
    const urgent = { field: 'report.log', operator: 'ends_with' as const, value: 'Urgent' };
    const { agent } = await reportingAgent({ subscription: { mode: 'custom', rules: [{ event: 'Reported', filters: [urgent] }] } });
    const session = await startSession(engine, { agents: [agent] });
    const large = (end: string) => ({ report: { log: 'x'.repeat(500_000) + end }, other: 'y'.repeat(100_000) });
    await session.append(event('calm', 'Reported', large('calm')), event('urgent', 'Reported', large('Urgent')));
    await session.decided();
    expect(await arrivedOf(receiver, session, 1)).toMatchObject([{ event_id: 'urgent', info: { payload: large('Urgent') } }]);
    expect((await session.decisions()).map(({ outcome }) => outcome)).toEqual(['event_type', 'field_filter', 'sent']);
    expect((await historyOf(session.handle)).size).toBeLessThan(60_000);
  });

  it('takes odd events as they are', async () => {
    const { agent } = await reportingAgent();
    const session = await startSession(engine, { agents: [agent] });
    const odd = [
      event('pollution', 'ExecutionPaused', JSON.parse('{"__proto__":{"question":"?"},"constructor":null,"paused_by":{"agent":[]}}')),
      event('a "quoted" ☃ id \ud83d', 'Custom.type-name_1', { '': '', 'a.b': null, '💥': [[[[]]]], big: 1e308, nul: 'a\u0000b' }),
      event('effects', 'Reported', {}, { effects: { metadata: { __proto__: 'x', ключ: '值'.repeat(500) } } }),
      event('no agent of ours', 'Reported', {}, { agentRef: 'x'.repeat(255) }),
      event('before all time', 'Reported', {}, { occurredAt: '0001-01-01T00:00:00.000Z' }),
    ];
    await session.append(...odd);
    await session.decided();
    expect(await arrivals(session, 6)).toEqual(odd.map(({ id }) => id.toWellFormed()));
    expect((await historyOf(session.handle)).failedTasks).toBe(0);
  });

  it('is found in the Temporal UI by its agent and status, under names of any script', async () => {
    const agent = await engine.agent(`出荷係-${'🚚'.repeat(80)}`);
    await engine.notify(agent.id, await engine.webhook(receiver.url, { name: '警告'.repeat(100) }));
    const session = await startSession(engine, { id: `セッション ${uniqueName('s')}`, agents: [agent] });
    await session.append(event('failed', 'ExecutionFailed'));
    await session.decided();
    await arrivals(session, 2);
    const described = () => session.handle.describe();
    await expect.poll(async () => (await described()).searchAttributes).toMatchObject({ HeraldStatus: ['failed'], HeraldSession: [session.id] });
    expect((await described()).memo).toMatchObject({ agent: agent.name, session: session.id });
    expect((await historyOf(session.handle)).failedTasks).toBe(0);
  });

  it('goes on when one of its destinations cannot be read', async () => {
    const { agent } = await reportingAgent();
    const broken = await engine.webhook(receiver.url);
    await engine.db.updateTable('integrations').set({ secrets: 'sealed with a key that is lost' }).where('id', '=', broken).execute();
    await engine.notify(agent.id, broken);
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('a'));
    await session.append(event('b'));
    await session.decided();
    expect(await arrivals(session, 3)).toEqual(['a', 'b']);
  });

  it('decides a thousand notifications for each of many events', async () => {
    const agent = await engine.agent(uniqueName('popular'));
    const integrationId = await engine.webhook(receiver.url);
    await engine.db
      .insertInto('notifications')
      .values(
        Array.from({ length: 1000 }, (_, index) => ({
          id: uniqueName(`ntf${index}`),
          organisation_id: engine.organisationId,
          agent_id: agent.id,
          integration_id: integrationId,
          subscription: JSON.stringify({ mode: 'custom', rules: [{ event: index % 2 ? 'ExecutionFailed' : 'ExecutionPaused' }] }),
          metadata_filter: '{}',
          enabled: true,
        })),
      )
      .execute();
    const session = await startSession(engine, { agents: [agent] });
    await session.append(...Array.from({ length: 300 }, (_, index) => event(`e${index}`)), event('failed', 'ExecutionFailed'));
    await session.decided();
    expect(await arrivals(session, 1)).toEqual(['failed']);
    const rows = await engine.db.selectFrom('decisions').select('outcomes').where('session_key', '=', session.key).orderBy('seq').execute();
    expect(rows).toHaveLength(302);
    expect(rows[1]!.outcomes[0]![1]).toBe('e1000');
    expect((await historyOf(session.handle)).failedTasks).toBe(0);
  });
});

describe('a session that another run has overtaken', () => {
  it('starts over from what is stored', async () => {
    const { agent } = await reportingAgent();
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('a'));
    await session.decided();
    // As if another run had decided everything up to the end of the session.
    const { state } = await session.view();
    await engine.db
      .updateTable('session_progress')
      .set({ last_seq: 4, decided_seq: 4, snapshot: JSON.stringify({ ...state, status: 'failed', endedBySeq: 4 }) })
      .where('session_key', '=', session.key)
      .execute();
    await session.handle.signal('news', { lastSeq: 3, events: [{ ...event('b'), seq: 3, rulesVersion: 1 }] });
    await expect.poll(async () => (await session.view()).watermark).toBe(4);
    expect((await session.view()).state.status).toBe('failed');
    expect(await arrivals(session, 2)).toEqual(['a']);
  });
});
