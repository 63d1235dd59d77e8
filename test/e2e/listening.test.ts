import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, startApi } from '../../api/process.ts';
import { type ApiKeyScope, createApiKey } from '../../store/apiKeys.ts';
import { newOrganisation, post, startSession, withKey, withToken } from '../support/api.ts';
import { type Caller, callerOf, type JsonAnswer } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { openStream, type StreamClient } from '../support/eventStream.ts';
import { uniqueName } from '../support/stack.ts';

let herald: EngineApi;
/** A second API process on the same database. */
let other: RunningApi;
let agent: Caller;
let elsewhere: Caller;

beforeAll(async () => {
  herald = await startEngineApi();
  other = await startAnotherApi();
  agent = await herald.newCaller();
  elsewhere = callerOf(urlOf(other), agent.organisationId, agent.key);
});
afterAll(async () => {
  await other.stop();
  await herald.close();
});

function startAnotherApi(): Promise<RunningApi> {
  const { settings } = herald.engine;
  const limits = { requestBytes: 1_048_576, eventBytes: 65_536, eventsPerRequest: 5000 };
  return startApi({ ...settings, port: 0, limits, tokenPrices: {} }, pino({ level: 'silent' }));
}

const urlOf = (api: RunningApi) => `http://127.0.0.1:${api.port}`;

async function newSession(): Promise<string> {
  const id = uniqueName('session');
  await agent.post('/v1/sessions', { id, agent_name: 'worker' });
  return id;
}

const report = (id: string, ...events: Record<string, unknown>[]) => agent.post(`/v1/sessions/${id}/events`, { events });

async function keyWith(scopes: ApiKeyScope[]): Promise<string> {
  return (await createApiKey(herald.engine.db, { organisationId: agent.organisationId, name: scopes.join(), scopes })).key;
}

async function timed<T>(answer: Promise<T>): Promise<T & { tookMs: number }> {
  const begun = performance.now();
  return { ...(await answer), tookMs: performance.now() - begun };
}

describe('an agent that waits', () => {
  it('goes on within a second of the resume, whichever API process it asks', async () => {
    const id = await newSession();
    await report(id, { type: 'ExecutionPaused' });
    const answers = [agent, elsewhere].map((caller) => timed(caller.get(`/v1/sessions/${id}/wait?until=running&timeout_s=20`)));
    await expect.poll(async () => (await agent.get(`/v1/sessions/${id}`)).body.status).toBe('paused');
    const resumedAt = performance.now();
    await report(id, { type: 'ExecutionResumed' });
    for (const { status, body } of await Promise.all(answers)) {
      expect(status).toBe(200);
      expect(body).toMatchObject({ session_id: id, reached: true, status: 'running', ended: false });
    }
    expect(performance.now() - resumedAt).toBeLessThan(1000);
  });

  it('is not told of the time before its own report', async () => {
    const id = await newSession();
    await expect.poll(async () => (await agent.get(`/v1/sessions/${id}`)).body.status).toBe('running');
    for (let round = 0; round < 5; round += 1) {
      await report(id, { type: 'ExecutionPaused' });
      const { body } = await elsewhere.get(`/v1/sessions/${id}/wait?until=running&timeout_s=0.3`);
      expect(body.reached).toBe(false);
      await report(id, { type: 'ExecutionResumed' });
      expect((await agent.get(`/v1/sessions/${id}/wait?until=running&timeout_s=20`)).body).toMatchObject({ reached: true });
    }
  });

  it('is answered at once when it is so already', async () => {
    const id = await newSession();
    await report(id, { type: 'ExecutionFailed', reason: 'broken' });
    await agent.get(`/v1/sessions/${id}/wait?until=ended`);
    const { body, tookMs } = await timed(elsewhere.get(`/v1/sessions/${id}/wait?until=ended&timeout_s=20`));
    expect(body).toMatchObject({ reached: true, status: 'failed', ended: true });
    expect(tookMs).toBeLessThan(500);
  });

  it('learns that it waits in vain when the session ends', async () => {
    const id = await newSession();
    await report(id, { type: 'ExecutionPaused' });
    const answer = timed(agent.get(`/v1/sessions/${id}/wait?until=running&timeout_s=20`));
    await report(id, { type: 'ExecutionCancelled', reason: 'user_requested' });
    const { body, tookMs } = await answer;
    expect(body).toMatchObject({ reached: false, status: 'cancelled', ended: true });
    expect(tookMs).toBeLessThan(5000);
  });

  it('is told how the session stands when the time is over', async () => {
    const id = await newSession();
    const { status, body, tookMs } = await timed(agent.get(`/v1/sessions/${id}/wait?until=ended&timeout_s=0.5`));
    expect([status, body.reached, body.ended]).toEqual([200, false, false]);
    expect(tookMs).toBeGreaterThan(450);
  });

  it('may use the token of its session, and no other one', async () => {
    const [mine, theirs] = [uniqueName('s'), uniqueName('s')];
    const [token, foreign] = await Promise.all([startSession({ ...herald, key: agent.key }, { session_id: mine }), startSession({ ...herald, key: agent.key }, { session_id: theirs })]);
    const ask = async (jwt: string) => (await fetch(`${herald.url}/v1/sessions/${mine}/wait?until=running&timeout_s=0`, { headers: withToken(jwt) })).status;
    expect([await ask(token), await ask(foreign), await ask('a.b.c')]).toEqual([200, 403, 401]);
    expect((await fetch(`${herald.url}/v1/sessions/${mine}/wait?until=running&timeout_s=0`, { headers: withKey(await keyWith(['ingest'])) })).status).toBe(200);
  });

  it.each([
    ['until=paused', 'until'],
    ['', 'until'],
    ['until=ended&timeout_s=x', 'timeout_s'],
    ['until=ended&timeout_s=301', 'timeout_s'],
    ['until=ended&patience=1', 'patience'],
  ])('is told what is wrong with "%s"', async (query, field) => {
    expect(await agent.get(`/v1/sessions/any/wait?${query}`)).toMatchObject({ status: 400, body: { field } });
  });

  it('is forgotten when it goes away', async () => {
    const id = await newSession();
    await report(id, { type: 'ExecutionPaused' });
    const before = herald.watch.waiting;
    const leaving = new AbortController();
    const clients = Array.from({ length: 20 }, () => fetch(`${herald.url}/v1/sessions/${id}/wait?until=running`, { headers: withKey(agent.key), signal: leaving.signal }));
    await expect.poll(() => herald.watch.waiting).toBe(before + 20);
    leaving.abort();
    await Promise.allSettled(clients);
    await expect.poll(() => herald.watch.waiting).toBe(before);
  });

  it('costs no connection of its own to Postgres', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, newSession));
    for (const id of ids) await report(id, { type: 'ExecutionPaused' });
    const answers = Array.from({ length: 200 }, (_, index) => agent.get(`/v1/sessions/${ids[index % 5]}/wait?until=running&timeout_s=20`));
    await expect.poll(() => herald.watch.waiting).toBe(200);
    for (const id of ids) await report(id, { type: 'ExecutionResumed' });
    expect((await Promise.all(answers)).filter(({ body }) => body.reached)).toHaveLength(200);
  });

  it('is answered politely when its API process ends', async () => {
    const leaving = await startAnotherApi();
    const id = await newSession();
    await report(id, { type: 'ExecutionPaused' });
    const caller = callerOf(urlOf(leaving), agent.organisationId, agent.key);
    const answer: Promise<JsonAnswer> = caller.get(`/v1/sessions/${id}/wait?until=running&timeout_s=60`);
    const stream = await openStream(`${urlOf(leaving)}/v1/sessions/${id}/stream`, withKey(agent.key));
    await expect.poll(() => stream.messages.at(-1)?.data.status).toBe('paused');
    await leaving.stop();
    expect(await answer).toMatchObject({ status: 200, body: { reached: false, status: 'paused' } });
    await stream.ended;
  });
});

describe("a session's stream", () => {
  const listen = (caller: { url: string }, id: string, query = '', headers: Record<string, string> = {}) =>
    openStream(`${caller.url}/v1/sessions/${id}/stream${query}`, { ...withKey(agent.key), ...headers });
  const numbers = (stream: StreamClient) => stream.messages.filter(({ event }) => event === 'message').map(({ id }) => id);

  it('tells events in order and the status after those that led to it', async () => {
    const id = await newSession();
    await agent.get(`/v1/sessions/${id}/wait?until=running`);
    const stream = await listen({ url: urlOf(other) }, id);
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    await expect.poll(() => stream.messages.length).toBe(1);
    expect(stream.messages[0]).toMatchObject({ event: 'status', id: 1, data: { status: 'running' } });
    await report(id, { id: 'q', type: 'ExecutionPaused', question: 'Which account?' });
    await expect.poll(() => stream.messages.at(-1)?.data.status).toBe('paused_by_agent');
    const at = new Date();
    await report(id, { id: 'go', type: 'ExecutionResumed' });
    await expect.poll(() => stream.messages.at(-1)?.data.status).toBe('running');
    expect(stream.messages.at(-1)!.at.getTime() - at.getTime()).toBeLessThan(1000);
    const told = stream.messages.slice(1).map(({ event, id: number, data }) => `${number} ${event} ${String(data.status ?? data.type)}`);
    expect(told).toEqual(['2 message ExecutionPaused', '2 status paused_by_agent', '3 message ExecutionResumed', '3 status running']);
    expect(stream.messages[1]!.data).toMatchObject({ id: 'q', seq: 2, payload: { question: 'Which account?' } });
    await stream.close();
  });

  it('loses and doubles nothing over breaks, whichever process the client comes back to', async () => {
    const id = await newSession();
    const total = 1500;
    let sent = 0;
    const reporting = (async () => {
      while (sent < total) {
        const size = Math.min(1 + (sent % 97), total - sent);
        await report(id, ...Array.from({ length: size }, (_, index) => ({ id: `e${sent + index}`, type: 'Reported', text: 'x'.repeat(index * 20) })));
        sent += size;
      }
    })();
    const seen: number[] = [];
    for (let connection = 0; seen.length < total + 1; connection += 1) {
      const api = connection % 2 === 0 ? herald : { url: urlOf(other) };
      const last = seen.at(-1);
      const stream = last === undefined ? await listen(api, id, '?after_seq=0') : await listen(api, id, '', { 'Last-Event-ID': String(last) });
      await expect.poll(() => numbers(stream).length, { timeout: 10_000 }).toBeGreaterThan(0);
      await stream.close();
      seen.push(...numbers(stream));
    }
    await reporting;
    expect(seen).toEqual(Array.from({ length: total + 1 }, (_, index) => index + 1));
  });

  it('ends when the session is over, and tells clients that come back so', async () => {
    const id = await newSession();
    const stream = await listen(herald, id, '?after_seq=0');
    await report(id, { type: 'ExecutionCompleted', outcome: 'success' });
    await stream.ended;
    expect(stream.messages.slice(-2)).toMatchObject([{ event: 'status', data: { status: 'completed', ended: true } }, { event: 'end' }]);
    const back = await listen(herald, id, '', { 'Last-Event-ID': String(stream.messages.at(-1)!.id) });
    expect(back.status).toBe(204);
    const late = await listen(herald, id, '?after_seq=0');
    await late.ended;
    expect(late.messages.map(({ event }) => event)).toEqual(['message', 'message', 'status', 'end']);
  });

  it('forgets clients that go away', async () => {
    const id = await newSession();
    const before = herald.watch.waiting;
    const streams = await Promise.all(Array.from({ length: 10 }, () => listen(herald, id)));
    await expect.poll(() => herald.watch.waiting).toBe(before + 10);
    for (const stream of streams) await stream.close();
    await expect.poll(() => herald.watch.waiting).toBe(before);
  });

  it.each<[string, (mine: { id: string; token: string }) => Promise<Record<string, string>>]>([
    ["its session's token", ({ token }) => Promise.resolve(withToken(token))],
    ['a key that may only report', async () => withKey(await keyWith(['ingest']))],
  ])('is heard with %s, from the start and after a break', async (_, credentials) => {
    const id = uniqueName('session');
    const headers = await credentials({ id, token: await startSession({ ...herald, key: agent.key }, { session_id: id }) });
    const stream = await openStream(`${herald.url}/v1/sessions/${id}/stream?after_seq=0`, headers);
    await report(id, { id: 'first', type: 'Reported' });
    await expect.poll(() => numbers(stream)).toEqual([1, 2]);
    await stream.close();
    await report(id, { id: 'missed', type: 'Reported' });
    const back = await openStream(`${urlOf(other)}/v1/sessions/${id}/stream`, { ...headers, 'Last-Event-ID': '2' });
    await report(id, { id: 'next', type: 'Reported' });
    await expect.poll(() => numbers(back)).toEqual([3, 4]);
    expect(back.messages.filter(({ event }) => event === 'message').map(({ data }) => data.id)).toEqual(['missed', 'next']);
    await back.close();
  });

  it('is told to nobody else', async () => {
    const [mine, theirs] = [uniqueName('s'), uniqueName('s')];
    const foreign = await newOrganisation(herald.engine.db);
    const tokenFor = (key: string, id: string) => startSession({ url: herald.url, key }, { session_id: id });
    await tokenFor(agent.key, mine);
    const refused: [string, Record<string, string>, number][] = [
      ["another session's token", withToken(await tokenFor(agent.key, theirs)), 403],
      ['a token that is none', withToken('a.b.c'), 401],
      ['nothing', {}, 401],
      ["another organisation's key", withKey(foreign.key), 404],
    ];
    for (const [what, headers, status] of refused) {
      for (const path of ['stream?after_seq=0', 'wait?until=running&timeout_s=0']) {
        const response = await fetch(`${herald.url}/v1/sessions/${mine}/${path}`, { headers: { ...headers, 'Last-Event-ID': '0' } });
        expect([response.status, response.headers.get('content-type')], `${path} with ${what}`).toEqual([status, 'application/problem+json']);
        await response.body?.cancel();
      }
    }
    // Ids of sessions belong to their organisation.
    const token = await tokenFor(foreign.key, mine);
    await report(mine, { id: 'secret', type: 'Reported' });
    await post(`${herald.url}/v1/sessions/${mine}/events`, { events: [{ id: 'own', type: 'Reported' }] }, withKey(foreign.key));
    const stream = await openStream(`${herald.url}/v1/sessions/${mine}/stream?after_seq=1`, withToken(token));
    await expect.poll(() => stream.messages.filter(({ event }) => event === 'message').map(({ data }) => data.id)).toEqual(['own']);
    await stream.close();
  });

  it('says what is wrong with a last event id', async () => {
    const id = await newSession();
    const response = await fetch(`${herald.url}/v1/sessions/${id}/stream`, { headers: { ...withKey(agent.key), 'Last-Event-ID': 'seven' } });
    expect([response.status, ((await response.json()) as { field: string }).field]).toEqual([400, 'Last-Event-ID']);
  });
});
