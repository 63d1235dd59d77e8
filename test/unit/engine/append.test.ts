import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGroupCommit } from '../../../api/groupCommit.ts';
import type { SessionEvent } from '../../../model/types.ts';
import { appendEvents, type AppendResult, carried } from '../../../store/append.ts';
import { listenForNews, NEWS_CHANNEL, noticeOf } from '../../../store/newsChannel.ts';
import { createOrganisation, raiseRulesVersion } from '../../../store/organisations.ts';
import { loadEventsAfter, loadProgress } from '../../../store/progress.ts';
import { createSessionRow } from '../../../store/sessionRow.ts';
import { event } from '../../support/engineSession.ts';
import { createTestDatabase, type TestDatabase, uniqueName } from '../../support/stack.ts';

let database: TestDatabase;
let organisationId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  organisationId = (await createOrganisation(database.db, { name: 'test' })).id;
});
afterAll(() => database?.close());

async function newSession(): Promise<{ id: string; key: number }> {
  const id = uniqueName('session');
  const created = await createSessionRow(database.db, organisationId, { id, initTimestamp: '2024-03-14T12:00:00Z', details: {}, agents: [] });
  return { id, key: created!.key };
}

const append = (...requests: { sessionId: string; events: ReturnType<typeof event>[] }[]) =>
  appendEvents(database.db, requests.map((request) => ({ organisationId, ...request })));

const stored = (key: number) => loadEventsAfter(database.db, key, 0, { events: 10_000, maxJson: 1e9 });

const appended = (result: AppendResult | undefined) => {
  if (result?.outcome !== 'appended') throw new Error(result?.outcome ?? 'no result');
  return result;
};

describe('appending events', () => {
  it('numbers them 1, 2, 3 … for each session', async () => {
    const [one, two] = [await newSession(), await newSession()];
    await append({ sessionId: one.id, events: [event('a'), event('b')] }, { sessionId: two.id, events: [event('a')] });
    const [result] = await append({ sessionId: one.id, events: [event('c')] });
    expect(appended(result).events.map(({ id, seq }) => [id, seq])).toEqual([['c', 3]]);
    expect((await stored(one.key)).map(({ id, seq }) => `${seq} ${id}`)).toEqual(['1 a', '2 b', '3 c']);
    expect(await loadProgress(database.db, two.key)).toMatchObject({ lastSeq: 1, decidedSeq: 0 });
  });

  it('leaves no gap and no double under eight writers whose sessions and events overlap', async () => {
    const sessions = await Promise.all(Array.from({ length: 4 }, newSession));
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let round = 0; round < 12; round += 1) {
        const picked = [sessions[(writer + round) % 4]!, sessions[(writer * 3 + round) % 4]!];
        // Every id is written by two writers.
        const events = [0, 1, 2].map((number) => event(`${writer % 4}-${round}-${number}`));
        await append(...picked.map(({ id }) => ({ sessionId: id, events })));
      }
    });
    await Promise.all(writers);
    for (const { key } of sessions) {
      const events = await stored(key);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
      expect((await loadProgress(database.db, key))?.lastSeq).toBe(events.length);
    }
  });

  it('stores an event id once, within a request and across requests', async () => {
    const { id, key } = await newSession();
    const results = await append(
      { sessionId: id, events: [event('a', 'First'), event('a', 'Second')] },
      { sessionId: id, events: [event('b'), event('a', 'Third')] },
    );
    expect(results.map((result) => [appended(result).events.length, appended(result).duplicates])).toEqual([[1, 1], [1, 1]]);
    const [again] = await append({ sessionId: id, events: [event('a', 'Fourth')] });
    expect(again).toMatchObject({ events: [], duplicates: 1, lastSeq: 2 });
    expect((await stored(key)).map((e) => `${e.id} ${e.type}`)).toEqual(['a First', 'b Reported']);
  });

  it("stamps the organisation's rules version", async () => {
    const { id } = await newSession();
    const [before] = await append({ sessionId: id, events: [event('a')] });
    const version = await raiseRulesVersion(database.db, organisationId);
    const [after] = await append({ sessionId: id, events: [event('b')] });
    expect(appended(before).events[0]!.rulesVersion).toBe(version - 1);
    expect(appended(after).events[0]!.rulesVersion).toBe(version);
  });

  it("stores nothing for a session that does not exist or is another organisation's", async () => {
    const { id, key } = await newSession();
    const other = await createOrganisation(database.db, { name: 'other' });
    const results = await database.db.transaction().execute((trx) =>
      appendEvents(trx, [
        { organisationId, sessionId: 'nobody', events: [event('a')] },
        { organisationId: other.id, sessionId: id, events: [event('a')] },
        { organisationId, sessionId: id, events: [event('b')] },
      ]),
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(['no_session', 'no_session', 'appended']);
    expect((await stored(key)).map((e) => e.id)).toEqual(['b']);
  });

  it('gives the same event to the workflow as a later look into the store', async () => {
    const { id, key } = await newSession();
    const events = [
      event('plain', 'ExecutionFailed', { reason: 'Payment "gateway" \u0000 timeout', nested: { a: [1, null, true] } }),
      event('large', 'Reported', { log: 'x'.repeat(9000), outcome: 'failure' }, { agentRef: 'agent-1', tokenCost: 0.25 }),
      event('silent', 'AgentRegistered', {}, { silent: true, effects: { agents: [{ id: 'a', name: 'A', alias: 'x' }] } }),
    ];
    const [result] = await append({ sessionId: id, events });
    expect(await stored(key)).toEqual(appended(result).events);
    expect(appended(result).events[1]).toMatchObject({ cut: ['log'], payload: { outcome: 'failure' } });
  });
});

describe('the word that an append gives to the worker that listens', () => {
  const heard: { sessionKey: number; events: SessionEvent[] }[] = [];
  let stop: () => Promise<void>;

  beforeAll(async () => {
    await new Promise<void>((resolve, reject) => {
      stop = listenForNews(database.url, {
        onNews: () => reject(new Error('nobody sends that')),
        onEvents: (sessionKey, events) => heard.push({ sessionKey, events }),
        onChange: (hears) => hears && resolve(),
        onError: reject,
      });
    });
  });
  afterAll(() => stop?.());

  async function listenedTo(): Promise<{ id: string; key: number }> {
    const session = await newSession();
    await database.db.updateTable('session_progress').set({ listening_until: new Date(Date.now() + 60_000) }).where('session_key', '=', session.key).execute();
    return session;
  }

  const withNotice = (sessionId: string, events: ReturnType<typeof event>[]) => ({ sessionId, events, notice: noticeOf(events.map((each) => carried(each)))! });

  /** Everything before it has been heard when this has. */
  async function heardOf(session: { id: string; key: number }): Promise<SessionEvent[]> {
    const last = await listenedTo();
    await append(withNotice(last.id, [event('last')]));
    await expect.poll(() => heard.map(({ sessionKey }) => sessionKey)).toContain(last.key);
    return heard.filter(({ sessionKey }) => sessionKey === session.key).flatMap(({ events }) => events);
  }

  it('carries the events as the store has them', async () => {
    const session = await listenedTo();
    const [first] = await append(withNotice(session.id, [event('a', 'Reported', { text: 'd\u00e9j\u00e0 \u0000 \ud800 [1, 2]' }), event('b')]));
    const [second] = await append(withNotice(session.id, [event('c', 'Reported', {}, { agentRef: 'x', silent: true, effects: { metadata: { env: 'test' } } })]));
    expect([appended(first).noticed, appended(second).noticed]).toEqual([true, true]);
    const events = await heardOf(session);
    expect(events.map(({ seq, id }) => `${seq} ${id}`)).toEqual(['1 a', '2 b', '3 c']);
    expect(events).toEqual(await stored(session.key));
  });

  it('is not given of events some of which were stored already, nor to a session with two requests at once, nor when nobody listens', async () => {
    const session = await listenedTo();
    await append({ sessionId: session.id, events: [event('a')] });
    const results = [
      ...(await append(withNotice(session.id, [event('a'), event('b')]))),
      ...(await append(withNotice(session.id, [event('c')]), withNotice(session.id, [event('d')]))),
    ];
    await database.db.updateTable('session_progress').set({ listening_until: new Date(Date.now() - 1) }).where('session_key', '=', session.key).execute();
    results.push(...(await append(withNotice(session.id, [event('e')]))));
    expect(results.map((result) => appended(result).noticed)).toEqual([false, false, false, false]);
    expect(await heardOf(session)).toEqual([]);
    expect((await stored(session.key)).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('is told from what another version may say on the same channel', async () => {
    const session = await listenedTo();
    for (const payload of ['', '?', 'later words', '1 2 three', '1 2 {"key":3}', '[]', '1,x']) await database.db.executeQuery(sql`select pg_notify(${NEWS_CHANNEL}, ${payload})`.compile(database.db));
    expect(await heardOf(session)).toEqual([]);
  });

  it('is not made of more than Postgres passes on', async () => {
    const session = await listenedTo();
    const events = (bytes: number) => [event('one', 'Reported', { text: 'é'.repeat(1900) }), event('two', 'Reported', { text: 'x'.repeat(bytes - 3800 - 187) })];
    expect(noticeOf(events(7901).map((each) => carried(each)))).toBeUndefined();
    const [result] = await append(withNotice(session.id, events(7900)));
    expect(appended(result).noticed).toBe(true);
    expect(await heardOf(session)).toEqual(await stored(session.key));
  });
});

describe('a group commit', () => {
  const log = pino({ level: 'silent' });

  it('answers each of many requests at once for itself', async () => {
    const groups = createGroupCommit(database.db, log);
    const sessions = await Promise.all(Array.from({ length: 3 }, newSession));
    const requests = Array.from({ length: 60 }, (_, index) => ({
      organisationId,
      sessionId: index % 10 === 9 ? 'nobody' : sessions[index % 3]!.id,
      events: [event(`e${index}`), event(`twice${index % 3}`)],
    }));
    const results = await Promise.all(requests.map((request) => groups.append(request)));
    expect(results.filter(({ outcome }) => outcome === 'no_session')).toHaveLength(6);
    for (const { key } of sessions) {
      const events = await stored(key);
      expect(events).toHaveLength(19);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    }
  });

  it('finds a session that has another key than it had, as after the restoring of a backup', async () => {
    const groups = createGroupCommit(database.db, log);
    const { id, key } = await newSession();
    const reported = (name: string) => groups.append({ organisationId, sessionId: id, events: [event(name)] });
    await reported('before');
    await database.db.updateTable('sessions').set({ id: uniqueName('before') }).where('key', '=', key).execute();
    expect(await reported('meanwhile')).toEqual({ outcome: 'no_session' });
    const again = await createSessionRow(database.db, organisationId, { id, initTimestamp: '2024-03-14T12:00:00Z', details: {}, agents: [] });
    const results = await Promise.all([reported('after'), reported('then')]);
    expect(results.map((result) => appended(result).session.key)).toEqual([again!.key, again!.key]);
    await database.db.updateTable('sessions').set({ id: uniqueName('before') }).where('key', '=', again!.key).execute();
    const restored = await createSessionRow(database.db, organisationId, { id, initTimestamp: '2024-03-14T12:00:00Z', details: {}, agents: [] });
    await Promise.all([reported('a'), reported('b'), reported('c')]);
    expect((await stored(restored!.key)).map((each) => each.id)).toEqual(['a', 'b', 'c']);
  });

  it('does not let a request that cannot be stored fail its companions', async () => {
    const groups = createGroupCommit(database.db, log);
    const { id, key } = await newSession();
    const bad = { organisationId, sessionId: id, events: [event('bad', 'Reported', {}, { occurredAt: 'no time' })] };
    const good = (name: string) => ({ organisationId, sessionId: id, events: [event(name)] });
    const results = await Promise.allSettled([groups.append(good('a')), groups.append(good('b')), groups.append(bad), groups.append(good('c')), groups.append(good('d'))]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect((await stored(key)).map((e) => e.id).toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect((await loadProgress(database.db, key))?.lastSeq).toBe(4);
  });
});
