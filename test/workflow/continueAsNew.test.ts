import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, shortTimings, startEngine } from '../support/engine.ts';
import { arrivedOf, type EngineSession, event, historyOf, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

const MAX_HISTORY_EVENTS = 40;
const AGENT_WAIT_MS = 2000;
const SIGNALS_AT_ONCE = 40;

let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  const session = { ...shortTimings.session, agentWaitMs: AGENT_WAIT_MS, maxHistoryEvents: MAX_HISTORY_EVENTS };
  [engine, receiver] = await Promise.all([startEngine({ timings: { session } }), startReceiver()]);
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
});

async function reportingAgent(name = uniqueName('agent')) {
  const agent = await engine.agent(name);
  await engine.notify(agent.id, await engine.webhook(receiver.url));
  return agent;
}

const runId = async (session: EngineSession) => (await session.handle.describe()).runId;

const range = (count: number) => Array.from({ length: count }, (_, index) => `e${index}`);

describe('a session whose history grows long', () => {
  it('goes on in a fresh run, with nothing lost and nothing sent twice', async () => {
    const session = await startSession(engine, { agents: [await reportingAgent()], metadata: { environment: 'production' } });
    await session.append(event('first'));
    await session.decided();
    const firstRun = await runId(session);
    for (const id of range(60)) {
      await session.append(event(id));
      if (Number(id.slice(1)) % 2 === 0) await session.decided();
    }
    const messages = await arrivedOf(receiver, session, 62);
    expect(messages.map(({ event_id }) => event_id).slice(1)).toEqual(['first', ...range(60)]);
    await session.decided();
    expect(await session.decisions()).toHaveLength(62);
    expect(await runId(session)).not.toBe(firstRun);
    await expect.poll(async () => (await session.view()).state.metadata).toEqual({ environment: 'production' });
    await expect.poll(async () => (await session.view()).counts.sent).toBe(62);
    const described = await session.handle.describe();
    expect(described.searchAttributes).toMatchObject({ HeraldStatus: ['running'], HeraldSession: [session.id] });
    expect(described.memo).toMatchObject({ session: session.id });
    const { events, failedTasks } = await historyOf(session.handle);
    expect(events).toBeLessThan(2 * MAX_HISTORY_EVENTS);
    expect(failedTasks).toBe(0);
  });

  it('takes what it has heard of and not decided along', async () => {
    const session = await startSession(engine, { agents: [await reportingAgent()] });
    await session.append(event('first'));
    await session.decided();
    const firstRun = await runId(session);
    // News without events makes history; what it announces waits in the store.
    await Promise.all(range(30).map(() => session.handle.signal('news', { lastSeq: 2, events: [] })));
    await session.append(...range(450).map((id) => event(id, 'Logged')), event('last'));
    await session.decided();
    expect(await session.decisions()).toHaveLength(453);
    expect(await runId(session)).not.toBe(firstRun);
  });

  it('does not wait for an agent again once the default agent has stood in', async () => {
    await reportingAgent('default');
    const session = await startSession(engine);
    await session.append(event('first'));
    await session.decided();
    const firstRun = await runId(session);
    const begun = performance.now();
    for (const id of range(16)) {
      await session.append(event(id));
      await session.decided();
    }
    expect(await runId(session)).not.toBe(firstRun);
    expect(performance.now() - begun).toBeLessThan(16 * AGENT_WAIT_MS);
    await session.append(event('end', 'ExecutionCompleted'));
    const messages = await arrivedOf(receiver, session, 19);
    expect(new Set(messages.map(({ info }) => info.agent_name))).toEqual(new Set(['default']));
  });

  it('still closes after its end', async () => {
    const session = await startSession(engine, { agents: [await reportingAgent()] });
    await session.append(event('end', 'ExecutionFailed'));
    await session.decided();
    await Promise.all(range(45).map(() => session.handle.signal('news', { lastSeq: 2, events: [] })));
    await session.append(event('late'));
    await expect.poll(async () => (await session.handle.describe()).status.name).toBe('COMPLETED');
    expect(await session.decisions()).toHaveLength(3);
  });
});

describe('a session whose runs have the default length', () => {
  let usual: Engine;

  beforeAll(async () => {
    usual = await startEngine();
  });
  afterAll(() => usual?.close());

  /** News of nothing makes history, and no work. */
  async function lengthen(session: EngineSession, historyEvents: number): Promise<void> {
    for (;;) {
      const { historyLength } = await session.handle.describe();
      if (historyLength >= historyEvents) return;
      // A signal is one event at least, and four at most: with the task that takes it.
      const signals = range(Math.max(1, Math.min(SIGNALS_AT_ONCE, Math.floor((historyEvents - historyLength) / 4))));
      await Promise.all(signals.map(() => session.handle.signal('news', { lastSeq: 0, events: [] })));
    }
  }

  it('goes on in a fresh run at about 2,000 history events, not sooner and not later', async () => {
    const session = await startSession(usual, { agents: [await usual.agent('long')] });
    await session.decided();
    const firstRun = await runId(session);
    await lengthen(session, 1900);
    await session.append(event('before'));
    await session.decided();
    expect(await runId(session)).toBe(firstRun);
    await lengthen(session, 2001);
    await session.append(event('after'));
    await session.decided();
    expect(await runId(session)).not.toBe(firstRun);
    const { historyLength } = await usual.client.workflow.getHandle(session.handle.workflowId, firstRun).describe();
    expect(historyLength).toBeGreaterThan(2000);
    expect(historyLength).toBeLessThan(2100);
  });
});
