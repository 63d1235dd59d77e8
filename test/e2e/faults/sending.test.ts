import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortTimings } from '../../support/engine.ts';
import { type EngineSession, event } from '../../support/engineSession.ts';
import { type FaultStage, startFaultStage } from '../../support/faultStage.ts';
import type { Behaviour } from '../../support/receiver.ts';

const TIMEOUT_MS = 1000;

let stage: FaultStage;

beforeAll(async () => {
  const retrySchedule = Array.from({ length: 30 }, (_, attempt) => (attempt === 0 ? 0 : 200));
  stage = await startFaultStage({ timings: { send: { ...shortTimings.send, retrySchedule } } });
});
afterAll(() => stage?.close());

/** Sends one event to a receiver that treats its first request like this; answers how often it arrived. */
async function sendTo(first: Behaviour): Promise<number> {
  const { receiver } = stage;
  const session = await stage.reportingSession({ timeoutMs: TIMEOUT_MS });
  const before = receiver.received.length;
  receiver.behave((_received, index) => (index === before ? first : {}));
  await session.append(event('report'));
  return (await stage.delivered(session, ['report'])).report!;
}

describe('a message that the destination has not taken in arrives once,', () => {
  it.each([
    ['when nobody listened at first', 'closed'],
    ['when the connection was reset before it was read', 'reset'],
  ] as const)('%s', async (_, state) => {
    const door = await startDoor(stage.receiver.port);
    const session = await stage.reportingSession({ url: door.url, timeoutMs: TIMEOUT_MS });
    await door.become(state);
    await session.append(event('report'));
    await expect.poll(() => attemptsAt(session)).toBeGreaterThanOrEqual(2);
    await door.become('open');
    expect(await stage.delivered(session, ['report'])).toEqual({ report: 1 });
    await door.become('closed');
  });
});

describe('a message that the destination has taken in arrives again, with the same id,', () => {
  it('when the connection broke before its answer', async () => {
    expect(await sendTo({ reset: true })).toBe(2);
  });

  it('when its answer came after the sender had given up', async () => {
    expect(await sendTo({ delayMs: TIMEOUT_MS + 500 })).toBe(2);
  });

  it('when it answered that it had failed', async () => {
    expect(await sendTo({ status: 503 })).toBe(2);
  });
});

it('a message whose answer broke off after its status arrives once', async () => {
  expect(await sendTo({ hang: 'body' })).toBe(1);
});

async function attemptsAt(session: EngineSession): Promise<number> {
  const row = await stage.engine.db.selectFrom('deliveries').select('attempt_count').where('session_key', '=', session.key).executeTakeFirst();
  return row?.attempt_count ?? 0;
}

/** A way to the receiver that can be closed, or reset whoever comes. */
async function startDoor(port: number) {
  let state: 'open' | 'reset' | 'closed' = 'open';
  const server = createServer((visitor) => {
    visitor.on('error', () => undefined);
    if (state === 'reset') {
      visitor.resetAndDestroy();
      return;
    }
    const inside = connect(port, '127.0.0.1');
    inside.on('error', () => visitor.destroy());
    visitor.pipe(inside).pipe(visitor);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}`,
    async become(next: typeof state) {
      if (next === 'closed') {
        server.close();
      } else if (!server.listening) {
        server.listen(own, '127.0.0.1');
        await once(server, 'listening');
      }
      state = next;
    },
  };
}
