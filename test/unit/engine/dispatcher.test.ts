import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createDispatcher, type Dispatcher } from '../../../api/dispatcher.ts';
import type { RuleHints } from '../../../api/ruleHints.ts';
import type { SessionAgent } from '../../../model/types.ts';
import type { SessionNews } from '../../../api/sessionNews.ts';
import type { Appended, NewEvent, SessionLock } from '../../../store/append.ts';
import type { Workflows } from '../../../temporal/workflows.ts';
import type { News } from '../../../workflows/messages.ts';
import { event as newEvent, until } from '../../support/engineSession.ts';
import { event } from '../model/samples.ts';

/** Stands for the Temporal server: takes signals, answers when and how the test says. */
function standInServer(answer: (call: number) => Promise<void> = () => Promise.resolve()) {
  const signals: { sessionKey: number; fresh: boolean; news: News }[] = [];
  const count = { now: 0, most: 0 };
  const workflows: Workflows = {
    async signalSession({ sessionKey, fresh }, news) {
      signals.push({ sessionKey, fresh: fresh !== undefined, news });
      count.now += 1;
      count.most = Math.max(count.most, count.now);
      try {
        await answer(signals.length);
      } finally {
        count.now -= 1;
      }
    },
    commandSession: () => Promise.resolve('unavailable' as const),
    startDelivery: () => Promise.reject(new Error('not asked for')),
  };
  return { workflows, signals, count };
}

const urgent: RuleHints = { isUrgent: () => true, known: () => [] };
const relaxed: RuleHints = { isUrgent: () => false, known: () => undefined };
const log = pino({ level: 'silent' });

/** Nobody listens, and nothing is known to be decided. */
const unheard: SessionNews = { announce: () => Promise.reject(new Error('not asked for')), announcePressure: () => Promise.resolve(), decided: () => Promise.resolve(new Map()) };

const lock = (key: number): SessionLock => ({ organisationId: 'org', id: `session ${key}`, key, lastSeq: 0, decidedSeq: 0, listening: false, agents: [], rulesVersion: 1 });

const agent: SessionAgent = { id: 'agt_1', name: 'orders', aliases: [] };

/** Stands for Postgres: says what is decided, everything unless the test says otherwise. */
function standInNews() {
  const announced: number[] = [];
  const decided = new Map<number, number>();
  const news: SessionNews = {
    announce: (key) => {
      announced.push(key);
      return Promise.resolve();
    },
    announcePressure: () => Promise.resolve(),
    decided: (keys) => Promise.resolve(new Map(keys.map((key) => [key, decided.get(key) ?? Infinity]))),
  };
  return { news, announced, decided };
}

/** An append to a session that a worker listens for. */
function listened(key: number, seqs: number[]): Appended {
  const append = appended(key, seqs, 10, [agent]);
  return { ...append, session: { ...append.session, listening: true } };
}

function appended(key: number, seqs: number[], size = 10, agents: SessionAgent[] = []): Appended {
  const events = seqs.map((seq) => event('Reported', { seq, payload: { text: 'x'.repeat(size) } }));
  return { outcome: 'appended', session: { ...lock(key), agents }, events, duplicates: 0, lastSeq: seqs.at(-1)!, noticed: false };
}

const seqsIn = (news: News) => news.events.map(({ seq }) => seq);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function closed(dispatcher: Dispatcher): Promise<void> {
  await dispatcher.close(5000);
}

describe('the dispatcher', () => {
  it('tells a session at once, and tells a new one that it is new', async () => {
    const { workflows, signals } = standInServer();
    const dispatcher = createDispatcher(workflows, unheard, urgent, log);
    dispatcher.announce(appended(1, [1, 2]));
    expect(signals).toHaveLength(1);
    expect(signals[0]).toMatchObject({ sessionKey: 1, fresh: true, news: { lastSeq: 2 } });
    await closed(dispatcher);
  });

  it('has one signal of a session under way, and puts what comes meanwhile into the next', async () => {
    const { workflows, signals, count } = standInServer(() => sleep(60));
    const dispatcher = createDispatcher(workflows, unheard, urgent, log);
    for (const seq of range(1, 20)) dispatcher.announce(appended(1, [seq]));
    await closed(dispatcher);
    expect(signals.map(({ news }) => seqsIn(news))).toEqual([[1], range(2, 20)]);
    expect(count.most).toBe(1);
  });

  it('has a bounded number of signals under way over all sessions', async () => {
    const { workflows, signals, count } = standInServer(() => sleep(5));
    const dispatcher = createDispatcher(workflows, unheard, urgent, log);
    for (const key of range(1, 100)) dispatcher.announce(appended(key, [1]));
    await closed(dispatcher);
    expect(new Set(signals.map(({ sessionKey }) => sessionKey)).size).toBe(100);
    expect(count.most).toBe(16);
  });

  it('lets events that no rule waits for have company', async () => {
    const { workflows, signals } = standInServer();
    const dispatcher = createDispatcher(workflows, unheard, relaxed, log);
    dispatcher.announce(appended(1, [1]));
    await sleep(100);
    dispatcher.announce(appended(1, [2]));
    expect(signals).toEqual([]);
    await until(async () => signals.length > 0, 'the signal', 2000);
    expect(seqsIn(signals[0]!.news)).toEqual([1, 2]);
    await closed(dispatcher);
  });

  it('does not make an urgent event wait with the others', async () => {
    const { workflows, signals } = standInServer();
    const hints: RuleHints = { ...relaxed, isUrgent: (_, events) => events.some(({ seq }) => seq === 2) };
    const dispatcher = createDispatcher(workflows, unheard, hints, log);
    dispatcher.announce(appended(1, [1]));
    dispatcher.announce(appended(1, [2]));
    await closed(dispatcher);
    expect(signals.map(({ news }) => seqsIn(news))).toEqual([[1, 2]]);
  });

  it('only says that there is news beyond what a signal carries', async () => {
    const { workflows, signals } = standInServer();
    const dispatcher = createDispatcher(workflows, unheard, urgent, log);
    dispatcher.announce(appended(1, range(1, 300)));
    dispatcher.announce(appended(2, range(1, 10), 30_000));
    await closed(dispatcher);
    expect(signals.map(({ news }) => [news.lastSeq, news.events.length])).toEqual([[300, 200], [10, 4]]);
  });

  it('carries no events with a gap between them', async () => {
    const { workflows, signals } = standInServer();
    const dispatcher = createDispatcher(workflows, unheard, relaxed, log);
    dispatcher.announce(appended(1, [4, 5]));
    dispatcher.announce(appended(1, [2, 3]));
    await closed(dispatcher);
    expect(signals.map(({ news }) => [news.lastSeq, seqsIn(news)])).toEqual([[5, [4, 5]]]);
  });

  it('tells again what the server did not take', async () => {
    const { workflows, signals } = standInServer((call) => (call === 1 ? Promise.reject(new Error('unavailable')) : Promise.resolve()));
    const dispatcher = createDispatcher(workflows, unheard, urgent, log);
    dispatcher.announce(appended(1, [1, 2]));
    await until(async () => signals.length === 2, 'the second try', 3000);
    expect(signals[1]!.news.lastSeq).toBe(2);
    await closed(dispatcher);
  });

  it('notifies the worker that listens for a session instead of signalling its workflow', async () => {
    const { workflows, signals } = standInServer();
    const { news, announced } = standInNews();
    const dispatcher = createDispatcher(workflows, news, urgent, log);
    dispatcher.announce(listened(1, [1]));
    await until(async () => announced.length === 1, 'the notice', 1000);
    await sleep(1200);
    expect(signals).toEqual([]);
    await closed(dispatcher);
  });

  it('has the append tell the worker of urgent events of a session that it knows, unless the session was just told', async () => {
    const { workflows } = standInServer();
    const { news, announced } = standInNews();
    const request = (id: string, ...events: NewEvent[]) => ({ organisationId: 'org', sessionId: id, events });
    const dispatcher = createDispatcher(workflows, news, { ...urgent, isUrgent: (_, events) => events.some(({ type }) => type === 'Reported') }, log);
    expect(dispatcher.noticeFor(request('session 1', newEvent('a')))).toBeUndefined();
    dispatcher.announce(listened(1, [1]));
    await until(async () => announced.length === 1, 'the notice', 1000);
    expect(dispatcher.noticeFor(request('session 1', newEvent('a')))).toBeUndefined();
    await sleep(100);

    const notice = dispatcher.noticeFor(request('session 1', newEvent('a'), newEvent('b')));
    expect(JSON.parse(notice!)).toMatchObject([{ id: 'a', type: 'Reported' }, { id: 'b' }]);
    expect(dispatcher.noticeFor(request('session 2', newEvent('a')))).toBeUndefined();
    expect(dispatcher.noticeFor(request('session 1', newEvent('a', 'Dull')))).toBeUndefined();
    // Who waits for a status is told when Postgres received it.
    expect(dispatcher.noticeFor(request('session 1', newEvent('a'), newEvent('b', 'ExecutionPaused')))).toBeUndefined();
    expect(dispatcher.noticeFor(request('session 1', ...range(1, 11).map((number) => newEvent(`${number}`))))).toBeUndefined();

    dispatcher.announce({ ...listened(1, [2, 3]), noticed: true });
    expect(dispatcher.noticeFor(request('session 1', newEvent('c')))).toBeUndefined();
    await sleep(100);
    expect(dispatcher.noticeFor(request('session 1', newEvent('c')))).toBeDefined();
    expect(announced).toEqual([1]);
    await closed(dispatcher);
  });

  it('tells sessions with much news when a burst of requests is over, and the others meanwhile, a few at a time', async () => {
    const { workflows, signals } = standInServer();
    const { news, decided } = standInNews();
    for (const key of range(1, 8)) decided.set(key, 0);
    const dispatcher = createDispatcher(workflows, news, urgent, log);
    dispatcher.setPressed(true);
    dispatcher.announce(appended(1, range(1, 21), 10, [agent]));
    for (const key of range(2, 7)) dispatcher.announce(appended(key, range(1, 20), 10, [agent]));
    await sleep(100);
    expect(signals.map(({ sessionKey }) => sessionKey)).toEqual([2, 3, 4, 5]);
    decided.set(2, 20);
    await until(async () => signals.length === 5, 'the fifth', 2000);
    dispatcher.setPressed(false);
    await until(async () => signals.length === 7, 'what waited', 1000);
    expect(signals.map(({ sessionKey }) => sessionKey)).toEqual([2, 3, 4, 5, 6, 1, 7]);
    await closed(dispatcher);
  });

  it('hands over what a burst has made wait when it is closed', async () => {
    const { workflows, signals } = standInServer();
    const { news } = standInNews();
    const dispatcher = createDispatcher(workflows, news, urgent, log);
    dispatcher.setPressed(true);
    dispatcher.announce(appended(1, range(1, 21), 10, [agent]));
    await sleep(100);
    expect(signals).toEqual([]);
    const begun = performance.now();
    await closed(dispatcher);
    expect(performance.now() - begun).toBeLessThan(4000);
    expect(signals.map(({ sessionKey }) => sessionKey)).toEqual([1]);
  });

  it('tells a bounded number of sessions at a time, the next when one has decided', async () => {
    const { workflows, signals } = standInServer();
    const { news, decided } = standInNews();
    for (const key of range(1, 30)) decided.set(key, 0);
    const dispatcher = createDispatcher(workflows, news, urgent, log);
    for (const key of range(1, 30)) dispatcher.announce(appended(key, [1], 10, [agent]));
    await sleep(200);
    expect(signals.map(({ sessionKey }) => sessionKey)).toEqual(range(1, 16));
    decided.set(3, 1);
    await until(async () => signals.length === 17, 'the seventeenth', 2000);
    for (const key of range(1, 30)) decided.set(key, 1);
    await until(async () => signals.length === 30, 'the others', 2000);
    await closed(dispatcher);
  });

  it('lets urgent news overtake news that no rule waits for', async () => {
    const { workflows, signals } = standInServer();
    const { news, decided } = standInNews();
    for (const key of range(1, 30)) decided.set(key, 0);
    const hints: RuleHints = { ...relaxed, isUrgent: (session) => session.key === 30 };
    const dispatcher = createDispatcher(workflows, news, hints, log);
    for (const key of range(1, 29)) dispatcher.announce(appended(key, [1], 10, [agent]));
    await until(async () => signals.length === 6, 'as many as may be told', 3000);
    dispatcher.announce(appended(30, [1], 10, [agent]));
    await until(async () => signals.length === 7, 'the urgent one', 1000);
    expect(signals.at(-1)!.sessionKey).toBe(30);
    await closed(dispatcher);
  });

  it('gives up waiting for the server when it is closed', async () => {
    const { workflows } = standInServer(() => new Promise(() => {}));
    const dispatcher = createDispatcher(workflows, unheard, urgent, log);
    dispatcher.announce(appended(1, [1]));
    const begun = performance.now();
    await dispatcher.close(100);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
