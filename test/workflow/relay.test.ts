import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporal, type TemporalPart } from '../../embedded/temporal.ts';
import { appendEvents } from '../../store/append.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, event, startSession } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver?.close());

async function reportingAgent(engine: Engine) {
  const agent = await engine.agent(uniqueName('agent'));
  await engine.notify(agent.id, await engine.webhook(receiver.url));
  return agent;
}

describe('events that nobody told their session about', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine?.close());

  it('are found in the store and delivered', async () => {
    const session = await startSession(engine, { agents: [await reportingAgent(engine)] });
    await arrivedOf(receiver, session, 1);
    const request = { organisationId: engine.organisationId, sessionId: session.id, events: [event('a'), event('b')] };
    await engine.db.transaction().execute((trx) => appendEvents(trx, [request]));
    const messages = await arrivedOf(receiver, session, 3);
    expect(messages.map(({ event_id }) => event_id).slice(1)).toEqual(['a', 'b']);
  });

  it('are delivered in order when some signals get lost and others do not', async () => {
    const session = await startSession(engine, { agents: [await reportingAgent(engine)] });
    const ids = Array.from({ length: 12 }, (_, index) => `e${index}`);
    for (const [index, id] of ids.entries()) {
      const request = { organisationId: engine.organisationId, sessionId: session.id, events: [event(id)] };
      if (index % 2 === 0) await engine.db.transaction().execute((trx) => appendEvents(trx, [request]));
      else await session.append(event(id));
    }
    const messages = await arrivedOf(receiver, session, 13);
    expect(messages.map(({ event_id }) => event_id).slice(1)).toEqual(ids);
  });

  it('belong to a session that has none of its runs left', async () => {
    const session = await startSession(engine, { agents: [await reportingAgent(engine)] });
    await arrivedOf(receiver, session, 1);
    await session.handle.terminate('somebody ended it by hand');
    const request = { organisationId: engine.organisationId, sessionId: session.id, events: [event('a')] };
    await engine.db.transaction().execute((trx) => appendEvents(trx, [request]));
    const messages = await arrivedOf(receiver, session, 2);
    expect(messages[1]).toMatchObject({ event_id: 'a', sequence: 2 });
  });
});

describe('while the Temporal server is away', () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'herald-away-'));
  const quiet = () => {};
  let temporal: TemporalPart;
  let engine: Engine;

  const start = () => startTemporal({ dataDir, log: quiet, progress: quiet });

  beforeAll(async () => {
    temporal = await start();
    engine = await startEngine({ temporalAddress: temporal.address });
  });
  afterAll(async () => {
    await engine?.close();
    await temporal?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('events are taken as ever, and delivered in order when it is back', async () => {
    const session = await startSession(engine, { agents: [await reportingAgent(engine)] });
    await session.append(event('before'));
    await arrivedOf(receiver, session, 2);
    await temporal.stop();
    const begun = performance.now();
    for (const id of ['a', 'b', 'c']) await session.append(event(id));
    const fresh = await startSession(engine, { agents: [await reportingAgent(engine)] });
    expect(performance.now() - begun).toBeLessThan(5000);
    temporal = await start();
    const messages = await arrivedOf(receiver, session, 5);
    expect(messages.map(({ event_id }) => event_id).slice(1)).toEqual(['before', 'a', 'b', 'c']);
    await arrivedOf(receiver, fresh, 1);
  });
});
