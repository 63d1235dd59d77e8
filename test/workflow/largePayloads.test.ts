import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, type EngineSession, event, startSession, until } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startWorkerProcess, type WorkerProcess } from '../support/workerProcess.ts';

const EVENTS = 500;
const EVENT_CHARACTERS = 500_000;
const URGENT_EVERY = 50;
const EVENTS_A_REQUEST = 5;
/** All events together have 250 MB; a batch of 200 of them has 100 MB, twice that as text and objects. */
const HEAP_MB = 160;
const LONG_MS = 120_000;
const MIB = 1024 * 1024;

let engine: Engine;
let receiver: Receiver;
let worker: WorkerProcess;

beforeAll(async () => {
  [engine, receiver] = await Promise.all([startEngine({ worker: false }), startReceiver()]);
  worker = await startWorkerProcess(engine.settings, { heapMb: HEAP_MB });
});
afterAll(async () => {
  await worker?.kill();
  await engine?.close();
  await receiver?.close();
});

const line = 'The customer asks whether the order has been sent, and the agent looks it up. ';
const body = line.repeat(Math.ceil(EVENT_CHARACTERS / line.length)).slice(0, EVENT_CHARACTERS);

/** A prompt of half a megabyte whose last word counts. */
function prompt(number: number): string {
  return `${number} ${body} ${number % URGENT_EVERY === 0 ? 'Urgent' : 'calm'}`;
}

/** Bytes of the histories of a session's runs, the last one's included. */
async function historySizes({ handle }: EngineSession): Promise<number[]> {
  const { runId: last } = await handle.describe();
  const sizes = new Map<string, number>();
  await until(async () => {
    for await (const { runId } of engine.client.workflow.list({ query: `WorkflowId = "${handle.workflowId}"` })) {
      const { historySize = 0 } = await engine.client.workflow.getHandle(handle.workflowId, runId).describe();
      sizes.set(runId, historySize);
    }
    return sizes.has(last);
  }, 'the last run to be listed');
  return Array.from(sizes.values());
}

async function openDeliveries({ key }: EngineSession): Promise<number> {
  const open = await engine.db.selectFrom('deliveries').select('id').where('session_key', '=', key).where('status', '<>', 'delivered').execute();
  return open.length;
}

async function report(session: EngineSession, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += EVENTS_A_REQUEST) {
    const numbers = Array.from({ length: EVENTS_A_REQUEST }, (_, index) => number + index);
    await session.append(...numbers.map((each) => event(`e${each}`, 'Reported', { prompt: { text: prompt(each) } })));
  }
}

describe('a session of 500 events of 500 KB', () => {
  it('is decided by the far end of each, in histories below 1 MiB, by workers with little memory', { timeout: LONG_MS }, async () => {
    const agent = await engine.agent('support');
    const filters = [{ field: 'prompt.text', operator: 'ends_with' as const, value: 'Urgent' }];
    await engine.notify(agent.id, await engine.webhook(receiver.url), { subscription: { mode: 'custom', rules: [{ event: 'Reported', filters }] } });
    const session = await startSession(engine, { agents: [agent] });
    await report(session, 1, EVENTS / 2);
    await session.decided();
    // Killed between a message and the record of its arrival, a worker would leave it to be sent again.
    await until(async () => (await openDeliveries(session)) === 0, 'every message so far');
    expect(worker.hasEnded()).toBe(false);
    await worker.kill();
    await report(session, EVENTS / 2 + 1, EVENTS);
    // All of it waits in Postgres by now.
    worker = await startWorkerProcess(engine.settings, { heapMb: HEAP_MB });
    await until(async () => receiver.received.length >= EVENTS / URGENT_EVERY, 'every message', LONG_MS);
    const messages = await arrivedOf(receiver, session, EVENTS / URGENT_EVERY);
    await session.decided();

    const urgent = Array.from({ length: EVENTS / URGENT_EVERY }, (_, index) => (index + 1) * URGENT_EVERY);
    expect(messages.map(({ event_id }) => event_id)).toEqual(urgent.map((number) => `e${number}`));
    expect(messages[0]!.info.payload).toEqual({ prompt: { text: prompt(URGENT_EVERY) } });
    const decided = (await session.decisions()).filter(({ type }) => type === 'Reported');
    expect(decided.filter(({ outcome }) => outcome === 'sent')).toHaveLength(urgent.length);
    expect(decided.filter(({ outcome }) => outcome === 'field_filter')).toHaveLength(EVENTS - urgent.length);
    const sizes = await historySizes(session);
    // One run could not hold it all: others have come before it.
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThan(MIB);
    expect(worker.hasEnded()).toBe(false);
  });
});
