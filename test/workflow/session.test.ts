import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { event, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  [engine, receiver] = await Promise.all([startEngine(), startReceiver()]);
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
});

describe('a session', () => {
  it('delivers its events in order, whatever way they come', async () => {
    const agent = await engine.agent('orders');
    const notification = await engine.notify(agent.id, await engine.webhook(receiver.url));
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('a'));
    await Promise.all([session.append(event('b'), event('c')), session.append(event('d'))]);
    await session.append(event('e'));
    const received = await receiver.waitFor(6);
    expect(received.map((message) => Number(message.headers['herald-sequence']))).toEqual([1, 2, 3, 4, 5, 6]);
    await session.decided();
    expect(await session.decisions()).toHaveLength(6);
    expect((await session.decisions()).every((d) => d.outcome === 'sent' && d.notification === notification)).toBe(true);
  });
});
