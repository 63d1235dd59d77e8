import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentNamed, arrivedOf, event, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';
import { type Engine, startEngine } from '../support/engine.ts';

/** Long enough that nothing but the wait's end can be the reason. */
const AGENT_WAIT_MS = 3000;

let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  [engine, receiver] = await Promise.all([startEngine({ timings: { session: { agentWaitMs: AGENT_WAIT_MS } } }), startReceiver()]);
  const agent = await engine.agent('default');
  await engine.notify(agent.id, await engine.webhook(receiver.url));
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
});

async function namedAgent() {
  const agent = await engine.agent(uniqueName('agent'));
  await engine.notify(agent.id, await engine.webhook(receiver.url));
  return agent;
}

/** `event: agent` for a session's messages, once there are so many. */
async function arrivals(session: { id: string }, count: number): Promise<string[]> {
  const messages = await arrivedOf(receiver, session, count);
  return messages.map(({ event_id, info }) => `${event_id === `${session.id}:started` ? 'started' : event_id}: ${info.agent_name}`);
}

describe('events of a session without an agent', () => {
  it('wait, in order, until one is named', async () => {
    const agent = await namedAgent();
    const session = await startSession(engine);
    await session.append(event('a'), event('b'));
    await expect.poll(async () => (await session.view()).waitingForAgent).toBe(true);
    expect(await arrivals(session, 0)).toEqual([]);
    await session.append(agentNamed(agent), event('c'));
    expect(await arrivals(session, 4)).toEqual(['started', 'a', 'b', 'c'].map((id) => `${id}: ${agent.name}`));
  });

  it('find the agent that is named behind more events than a signal or a batch holds', async () => {
    const agent = await namedAgent();
    const session = await startSession(engine);
    await session.append(...Array.from({ length: 205 }, (_, index) => event(`e${index}`, 'Reported', { text: 'x'.repeat(1000) })));
    await session.append(agentNamed(agent));
    await session.decided();
    const messages = await arrivals(session, 206);
    expect(new Set(messages.map((line) => line.split(': ')[1]))).toEqual(new Set([agent.name]));
  });

  it('go to the default agent after a while, and what follows to the first agent that is named', async () => {
    const agent = await namedAgent();
    const session = await startSession(engine);
    await session.append(event('a'));
    await session.decided();
    const begun = performance.now();
    await session.append(event('b'));
    await session.decided();
    expect(performance.now() - begun).toBeLessThan(AGENT_WAIT_MS);
    await session.append(agentNamed(agent), event('c'));
    expect(await arrivals(session, 4)).toEqual(['started: default', 'a: default', 'b: default', `c: ${agent.name}`]);
  });

  it('go to the default agent at once when the session ends', async () => {
    const session = await startSession(engine);
    const begun = performance.now();
    await session.append(event('end', 'ExecutionFailed'));
    expect(await arrivals(session, 2)).toEqual(['started: default', 'end: default']);
    expect(performance.now() - begun).toBeLessThan(AGENT_WAIT_MS);
  });
});

describe('an event with an agent of its own', () => {
  it('is decided for the agent of that id or alias, a status event for every agent of the session', async () => {
    const [first, second] = [await namedAgent(), await namedAgent()];
    const session = await startSession(engine, { agents: [{ ...first, alias: 'sdk-1' }] });
    await session.append(agentNamed(second, 'sdk-2'));
    for (const [id, agentRef] of [['a', 'sdk-2'], ['b', second.id], ['c', 'unknown']] as const) {
      await session.append(event(id, 'Reported', {}, { agentRef }));
      await session.decided();
    }
    await session.append(event('failed', 'ExecutionFailed'));
    const messages = await arrivals(session, 6);
    const expected = [
      `started: ${first.name}`,
      `a: ${second.name}`,
      `b: ${second.name}`,
      `c: ${first.name}`,
      `failed: ${first.name}`,
      `failed: ${second.name}`,
    ];
    expect(messages.toSorted()).toEqual(expected.toSorted());
  });
});
