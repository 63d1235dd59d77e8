import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { createOutgoingHttp } from '../../activities/channels/http.ts';
import { createActivities, createListening, defaultSendTimings } from '../../activities/index.ts';
import { createDecisionLinks } from '../../store/decisionLinks.ts';
import type { NewEvent } from '../../store/append.ts';
import { announceNews } from '../../store/newsChannel.ts';
import { SecretBox } from '../../store/secrets.ts';
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

  it('has its messages made of the events as they were told, with the metadata of their time', async () => {
    const agent = await engine.agent('payments');
    await engine.notify(agent.id, await engine.webhook(receiver.url));
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('a'));
    await arrivedOf(receiver, session, 2);
    const steps: NewEvent[][] = [
      [event('b', 'Reported', { text: 'déjà', n: [1, null] })],
      [event('c', 'Reported', { step: 1 }, { effects: { metadata: { env: 'test' } } }), event('d', 'Reported', { step: 2 }, { effects: { metadata: { env: 'prod', run: '7' } } })],
      [event('e', 'Reported', { long: 'x'.repeat(5000) })],
      [event('f', 'Reported', { longer: 'x'.repeat(9000) }, { effects: { metadata: { env: 'x'.repeat(2000) } } }), event('g')],
    ];
    let messages = 2;
    for (const events of steps) {
      await listenedTo(session);
      await session.append(...events);
      messages += events.length;
      await arrivedOf(receiver, session, messages);
      // The next ones are told by their own append again.
      await sleep(100);
    }
    const arrived = await arrivedOf(receiver, session, messages);
    const shortened = (value: unknown) => JSON.stringify(value).replaceAll(/x{9,}/g, (run) => `${run.length} x`);
    expect(arrived.slice(2).map(({ sequence, info: { payload, metadata } }) => `${sequence} ${shortened(payload)} ${shortened(metadata)}`)).toEqual([
      '3 {"text":"déjà","n":[1,null]} {}',
      '4 {"step":1} {"env":"test"}',
      '5 {"step":2} {"env":"prod","run":"7"}',
      '6 {"long":"5000 x"} {"env":"prod","run":"7"}',
      '7 {"longer":"9000 x"} {"env":"2000 x","run":"7"}',
      '8 {} {"env":"2000 x","run":"7"}',
    ]);
  });
});

describe('a worker with as many sessions on their way as it lets go on at a time', () => {
  it('listens for a further one no longer than it counts as listened to, and finds what came meanwhile', async () => {
    const idle = await startEngine({ worker: false });
    const { db, workflows, organisationId, settings } = idle;
    const http = createOutgoingHttp({ allowedDestinations: [] });
    const listening = createListening(100);
    listening.setHearing(true);
    const { session: activities } = createActivities({
      db,
      workflows,
      secrets: new SecretBox(settings.secretKey),
      links: createDecisionLinks(settings.secretKey),
      publicUrl: settings.publicUrl,
      timings: { ...defaultSendTimings, listenMs: 300 },
      owner: 'busy',
      listening,
      log: pino({ level: 'silent' }),
      http,
    });
    const decideFirst = ({ id: sessionId, key: sessionKey }: EngineSession) =>
      activities.recordAndSend({ organisationId, sessionId, sessionKey, fromSeq: 1, toSeq: 1, heardOf: 1, decided: [], undecided: [], matched: [] });
    const isListenedTo = async ({ key }: EngineSession) =>
      (await db.selectFrom('session_progress').select('listening_until').where('session_key', '=', key).executeTakeFirstOrThrow()).listening_until !== null;

    const agent = await idle.agent('orders');
    const sessions = await Promise.all(Array.from({ length: 9 }, () => startSession(idle, { agents: [agent] })));
    const further = sessions.pop()!;
    for (const session of sessions) await session.append(event('next'));
    const goingOn = await Promise.all(sessions.map(decideFirst));
    expect(goingOn.map(({ next }) => next.map(({ id }) => id))).toEqual(sessions.map(() => ['next']));

    const listenedFor = decideFirst(further);
    await until(() => isListenedTo(further), 'the session to count as listened to');
    // Its word gets lost.
    await further.append(event('unheard'));
    expect((await listenedFor).next.map(({ id }) => id)).toEqual(['unheard']);
    expect(await isListenedTo(further)).toBe(false);
    await http.close();
    await idle.close();
  });
});
