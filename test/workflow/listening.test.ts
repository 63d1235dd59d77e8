import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { announceNews } from '../../store/newsChannel.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, type EngineSession, event, startSession, until } from '../support/engineSession.ts';
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

async function listenedTo(session: EngineSession): Promise<void> {
  await until(async () => {
    const row = await engine.db.selectFrom('session_progress').select('listening_until').where('session_key', '=', session.key).executeTakeFirst();
    return row?.listening_until != null && row.listening_until > new Date();
  }, 'a worker that listens for the session');
}

/** From the acceptance of an event to the arrival of its message. */
async function delayMs(session: EngineSession, id: string, messages: number): Promise<number> {
  const begun = performance.now();
  await session.append(event(id));
  await arrivedOf(receiver, session, messages);
  return performance.now() - begun;
}

describe('a session whose worker listens for the next event', () => {
  it('is not put off by word of events that it has decided already', async () => {
    const agent = await engine.agent('orders');
    await engine.notify(agent.id, await engine.webhook(receiver.url));
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('a'));
    await arrivedOf(receiver, session, 2);
    await listenedTo(session);
    await announceNews(engine.db, [session.key]);
    // Less than it takes to find out that nobody listens any more.
    expect(await delayMs(session, 'b', 3)).toBeLessThan(900);
  });
});
