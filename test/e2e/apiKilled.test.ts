import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../chaos/freePort.ts';
import { newOrganisation, startSession as startToken, withToken } from '../support/api.ts';
import { type AnswerBody, type Caller, callerOf } from '../support/caller.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { openStream } from '../support/eventStream.ts';
import { type HeraldProcess, startHeraldProcess } from '../support/heraldProcess.ts';
import { uniqueName, workflowBundle } from '../support/stack.ts';

const AGAIN_MS = 50;

let engine: Engine;
let worker: HeraldProcess;
let environment: NodeJS.ProcessEnv;
let organisation: Awaited<ReturnType<typeof newOrganisation>>;
/** API processes by the address they listen on. */
const running = new Map<string, HeraldProcess>();

beforeAll(async () => {
  engine = await startEngine({ worker: false });
  const { databaseUrl, temporal, secretKey } = engine.settings;
  environment = {
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    HERALD_SECRET_KEY: secretKey,
    HERALD_LOG_LEVEL: 'error',
    HERALD_WORKFLOW_BUNDLE: await workflowBundle(),
  };
  organisation = await newOrganisation(engine.db);
  worker = await startHeraldProcess('worker', environment);
});
afterEach(async () => {
  await Promise.all(Array.from(running.values(), (api) => api.kill()));
  running.clear();
});
afterAll(async () => {
  await worker?.kill();
  await engine?.close();
});

async function startApi(url: string): Promise<Caller> {
  running.set(url, await startHeraldProcess('api', { ...environment, PORT: new URL(url).port }));
  return callerAt(url);
}

function callerAt(url: string): Caller {
  return callerOf(url, organisation.organisationId, organisation.key);
}

async function newUrl(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

/** An agent that waits for its session, and asks again whenever its connection breaks, at one address after the other. */
function waitFor(urls: [string, string], session: string, until: 'running' | 'decided') {
  let asked = 0;
  const answered = (async () => {
    for (;;) {
      const url = urls[Math.min(asked, 1)]!;
      try {
        asked += 1;
        const { body } = await callerAt(url).get(`/v1/sessions/${session}/wait?until=${until}&timeout_s=60`);
        return { body, at: performance.now() };
      } catch {
        await sleep(AGAIN_MS);
      }
    }
  })();
  return { asked: () => asked, answered };
}

async function startSession(caller: Caller): Promise<string> {
  const id = uniqueName('session');
  await caller.post('/v1/sessions', { id, agent_name: 'refunds' });
  return id;
}

/** How long after a person's request the agent had its answer, in milliseconds. */
async function answeredAfter(person: () => Promise<{ status: number }>, wait: ReturnType<typeof waitFor>): Promise<{ body: AnswerBody; ms: number }> {
  const begun = performance.now();
  expect((await person()).status).toBe(200);
  const { body, at } = await wait.answered;
  return { body, ms: at - begun };
}

describe('an API process that is killed while agents wait', () => {
  it.each(['another process', 'the same, started again,'])('holds nobody up: %s takes the repeated waits, and answers within a second of the person', async (successor) => {
    const first = await newUrl();
    const second = successor === 'another process' ? await newUrl() : first;
    const before = await startApi(first);
    const [paused, asking] = [await startSession(before), await startSession(before)];
    expect((await before.post(`/v1/sessions/${paused}/pause`)).status).toBe(200);
    const asked = await before.post(`/v1/sessions/${asking}/confirmations`, { message: 'Refund?' });
    expect(asked.status).toBe(201);
    const [resumed, decided] = [waitFor([first, second], paused, 'running'), waitFor([first, second], asking, 'decided')];
    await sleep(500);
    expect([resumed.asked(), decided.asked()]).toEqual([1, 1]);

    await running.get(first)!.kill();
    const after = await startApi(second);
    // Both have asked again by then, and wait.
    await sleep(AGAIN_MS + 500);
    expect(Math.min(resumed.asked(), decided.asked())).toBeGreaterThan(1);
    const goesOn = await answeredAfter(() => after.post(`/v1/sessions/${paused}/resume`, { reason: 'Go on' }), resumed);
    const decision = await answeredAfter(() => after.post(`/v1/sessions/${asking}/confirmations/${asked.body.id}/decision`, { decision: 'approve', by: 'sarah' }), decided);

    expect(goesOn.body).toMatchObject({ reached: true, status: 'running' });
    expect(decision.body).toMatchObject({ reached: true, status: 'running', confirmation: { status: 'approved', decided_by: 'sarah' } });
    expect([goesOn.ms, decision.ms].filter((ms) => ms >= 1000)).toEqual([]);
  });
});

describe('two API processes beside each other', () => {
  it('serve agents at one and people at the other: the paused agent goes on within a second, whether it waits or streams', async () => {
    const [agents, people] = [await newUrl(), await newUrl()];
    const [here, there] = await Promise.all([startApi(agents), startApi(people)]);
    const id = uniqueName('session');
    const token = await startToken({ url: agents, key: organisation.key }, { session_id: id });
    expect((await here.post(`/v1/sessions/${id}/pause`)).status).toBe(200);
    const wait = fetch(`${agents}/v1/sessions/${id}/wait?until=running&timeout_s=60`, { headers: withToken(token) });
    const answered = wait.then(async (response) => ({ body: (await response.json()) as AnswerBody, at: Date.now() }));
    const stream = await openStream(`${agents}/v1/sessions/${id}/stream`, withToken(token));
    await expect.poll(() => stream.messages.at(-1)?.data.status).toBe('paused');

    const heard = stream.messages.length;
    const resumedAt = Date.now();
    const resumed = await there.post(`/v1/sessions/${id}/resume`, { reason: 'Go on' });
    expect(resumed).toMatchObject({ status: 200, body: { status: 'running' } });
    const { body, at } = await answered;
    await expect.poll(() => stream.messages.at(-1)?.data.status).toBe('running');
    const told = stream.messages.slice(heard);
    await stream.close();

    expect(body).toMatchObject({ reached: true, status: 'running' });
    expect(told.map(({ event, data }) => [event, data.id ?? data.status])).toEqual([
      ['message', resumed.body.event_id],
      ['status', 'running'],
    ]);
    expect([at, told.at(-1)!.at.getTime()].map((ms) => ms - resumedAt).filter((ms) => ms >= 1000)).toEqual([]);
  });
});
