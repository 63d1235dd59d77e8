import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { isStatusEvent } from '../model/session.ts';
import type { SessionEvent } from '../model/types.ts';
import { type Appended, type AppendRequest, carried, type SessionLock, sessionName } from '../store/append.ts';
import { noticeOf } from '../store/newsChannel.ts';
import type { Workflows } from '../temporal/workflows.ts';
import type { News, SessionInput } from '../workflows/messages.ts';
import type { RuleHints } from './ruleHints.ts';
import type { SessionNews } from './sessionNews.ts';

/** Sessions signalled about events that are not decided yet: under overload each is then told of more, instead of more being told. */
const MAX_TOLD = 16;
/** As many of them may be there for events that no rule waits for. */
const MAX_RELAXED = 6;
/** While a burst of requests presses, so many sessions are told, of no more news than this; the others are part of the burst. */
const PRESSED = { maxTold: 4, maxNews: 20, lookedAt: 100 };
/** A signal carries at most so many events, and about so many characters; beyond it only says that there is news. */
const MAX_EVENTS = 200;
const MAX_JSON = 128 * 1024;
/** Events that no rule waits for may wait this long for company: the longer, the more sessions have news. */
const RELAXED = { ms: 1000, moreThanSessions: 20, perSessionMs: 20, mostMs: 2500 };
/** A busy session is told this often at most: each time costs the server a workflow task. */
const MIN_GAP_MS = 50;
/** While a burst of requests presses: workers make room for it (activities/cycles.ts). */
const PRESSED_GAP_MS = 250;
/** Events held for signals over all sessions, in characters of JSON; beyond it signals only say that there is news. */
const MAX_HELD = 32 * 1024 * 1024;
/** After a failed signal. */
const RETRY_MS = 1000;
/** A session that takes longer makes room for others. It may wait for its agent, or for a worker. */
const LONGEST_TOLD_MS = 3000;
/** How often to look what has been decided: while others wait, and otherwise. */
const LOOK_MS = { busy: 20, calm: 50 };
/** Who waited longer for its turn is looked up first: the relay may have told it. */
const STALE_MS = 1500;
/** Rules up to this size travel with the start of a session's workflow. In characters of JSON. */
const MAX_CARRIED_RULES = 16 * 1024;
/** Sessions whose agents are remembered, to know in advance whether their next events are urgent. */
const MAX_KNOWN = 10_000;
/** More events at a time are read by the worker. */
const MAX_NOTICED_EVENTS = 10;

/** Tells sessions what was stored. Holds little, loses nothing: Postgres has it all. */
export interface Dispatcher {
  /** What the append itself is to tell the worker that listens for the session; undefined when that is better done afterwards. */
  noticeFor(request: AppendRequest): string | undefined;
  announce(appended: Appended): void;
  /** Whether a burst of requests waits for a processor: then those that it reports to are told afterwards. */
  setPressed(isPressed: boolean): void;
  /** Hands over what still waits, for at most `ms`. */
  close(ms: number): Promise<void>;
}

interface Outbox {
  session: SessionLock;
  lastSeq: number;
  events: SessionEvent[];
  json: number;
  dueAt: number;
  urgent: boolean;
  /** In one of the queues. */
  queued: boolean;
  queuedAt: number;
  /** Being told, or told and not known to have decided. */
  told: { seq: number; at: number; answered: boolean; relaxed: boolean } | undefined;
  lastToldAt: number;
  failures: number;
  timer?: NodeJS.Timeout;
}

/**
 * Tells each session of its news. A worker that listens for it is notified, and paces itself (activities/cycles.ts);
 * otherwise its workflow is signalled, the urgent ones first, and a bounded number of them is undecided at any time.
 */
export function createDispatcher(workflows: Workflows, news: SessionNews, hints: RuleHints, log: Logger): Dispatcher {
  const outboxes = new Map<number, Outbox>();
  const urgent: Outbox[] = [];
  const relaxed: Outbox[] = [];
  const told = new Set<Outbox>();
  const known = new LRUCache<string, SessionLock>({ max: MAX_KNOWN });
  let relaxedTold = 0;
  let held = 0;
  let isPressed = false;
  let closing = false;
  let looking = false;
  let onIdle: (() => void) | undefined;

  function noticeFor({ organisationId, sessionId, events }: AppendRequest): string | undefined {
    const session = known.get(sessionName(organisationId, sessionId));
    if (isPressed || !session || events.length > MAX_NOTICED_EVENTS || events.some(({ type }) => isStatusEvent(type))) return undefined;
    const outbox = outboxes.get(session.key);
    if (outbox && (outbox.told || outbox.dueAt < Infinity || performance.now() < outbox.lastToldAt + MIN_GAP_MS)) return undefined;
    const noticed = events.map((event) => carried(event));
    const { lastSeq, rulesVersion } = session;
    const isUrgent = hints.isUrgent(session, noticed.map((event, index) => ({ seq: lastSeq + 1 + index, ...event, rulesVersion })));
    return isUrgent ? noticeOf(noticed) : undefined;
  }

  function announce({ session, events, lastSeq, noticed }: Appended): void {
    known.set(sessionName(session.organisationId, session.id), session);
    const outbox = outboxes.get(session.key) ?? open(session);
    outbox.session = session;
    outbox.lastSeq = Math.max(outbox.lastSeq, lastSeq);
    if (!session.listening) for (const event of events) keep(outbox, event);
    if (outbox.told && session.decidedSeq >= outbox.told.seq) settle(outbox, session.decidedSeq);
    if (noticed) return rest(outbox);
    const isUrgent = hints.isUrgent(session, events);
    outbox.urgent ||= isUrgent;
    schedule(outbox, Math.min(outbox.dueAt, performance.now() + (isUrgent ? 0 : relaxedMs())));
  }

  function open(session: SessionLock): Outbox {
    const outbox: Outbox = {
      session,
      lastSeq: 0,
      events: [],
      json: 0,
      dueAt: Infinity,
      urgent: false,
      queued: false,
      queuedAt: 0,
      told: undefined,
      lastToldAt: -Infinity,
      failures: 0,
    };
    outboxes.set(session.key, outbox);
    return outbox;
  }

  /** What exceeds one signal stays in Postgres: the workflow fetches it. */
  function keep(outbox: Outbox, event: SessionEvent): void {
    if (outbox.events.length >= MAX_EVENTS || outbox.json > MAX_JSON) return;
    const last = outbox.events.at(-1);
    if (last && event.seq !== last.seq + 1) return;
    const json = JSON.stringify(event).length;
    if (outbox.json + json > MAX_JSON || held + json > MAX_HELD) return;
    outbox.events.push(event);
    outbox.json += json;
    held += json;
  }

  function relaxedMs(): number {
    return Math.min(RELAXED.ms + RELAXED.perSessionMs * Math.max(0, outboxes.size - RELAXED.moreThanSessions), RELAXED.mostMs);
  }

  function schedule(outbox: Outbox, at: number): void {
    outbox.dueAt = at;
    if (outbox.told) return;
    if (outbox.queued) {
      if (outbox.urgent && at <= performance.now()) hurry(outbox);
      return;
    }
    const waitMs = Math.max(at, outbox.lastToldAt + (isPressed ? PRESSED_GAP_MS : MIN_GAP_MS)) - performance.now();
    clearTimeout(outbox.timer);
    if (waitMs <= 0) enqueue(outbox);
    else outbox.timer = setTimeout(() => enqueue(outbox), waitMs);
  }

  function enqueue(outbox: Outbox): void {
    if (outbox.session.listening) return void notify(outbox);
    outbox.queued = true;
    outbox.queuedAt = performance.now();
    (outbox.urgent ? urgent : relaxed).push(outbox);
    pump();
  }

  /** Something urgent came for a session that was queued without. */
  function hurry(outbox: Outbox): void {
    const place = relaxed.indexOf(outbox);
    if (place < 0) return;
    relaxed.splice(place, 1);
    urgent.push(outbox);
    pump();
  }

  function pump(): void {
    if (isPressed) return pumpQuiet();
    while (told.size < MAX_TOLD && urgent.length > 0) void tell(urgent.shift()!);
    while (told.size < MAX_TOLD && relaxedTold < MAX_RELAXED && relaxed.length > 0) void tell(relaxed.shift()!);
    if (told.size === 0 && urgent.length + relaxed.length === 0) onIdle?.();
  }

  function pumpQuiet(): void {
    while (told.size < PRESSED.maxTold) {
      const place = urgent.slice(0, PRESSED.lookedAt).findIndex(({ session, lastSeq }) => lastSeq - session.decidedSeq <= PRESSED.maxNews);
      if (place < 0) return;
      void tell(urgent.splice(place, 1)[0]!);
    }
  }

  /** The relay finds what a notice did not reach. */
  async function notify(outbox: Outbox): Promise<void> {
    empty(outbox);
    rest(outbox);
    try {
      await news.announce(outbox.session.key);
    } catch (error) {
      log.warn({ err: error, session: outbox.session.id }, 'a worker could not be notified of events; they are stored and will be handed over');
    }
  }

  /** The session's worker has just been told, of what was there. */
  function rest(outbox: Outbox): void {
    outbox.lastToldAt = performance.now();
    if (outbox.told || outbox.queued || outbox.dueAt < Infinity) return;
    clearTimeout(outbox.timer);
    outbox.timer = setTimeout(() => forget(outbox), MIN_GAP_MS);
  }

  function empty(outbox: Outbox): void {
    outbox.lastToldAt = performance.now();
    outbox.events = [];
    held -= outbox.json;
    outbox.json = 0;
    outbox.dueAt = Infinity;
    outbox.urgent = false;
  }

  async function tell(outbox: Outbox): Promise<void> {
    const { session, events, lastSeq } = outbox;
    const isRelaxed = !outbox.urgent;
    outbox.queued = false;
    outbox.told = { seq: lastSeq, at: performance.now(), answered: false, relaxed: isRelaxed };
    empty(outbox);
    told.add(outbox);
    if (isRelaxed) relaxedTold += 1;
    const mine = outbox.told;
    try {
      if (mine.at - outbox.queuedAt > STALE_MS && (await isDecided(session.key, lastSeq))) return settle(outbox);
      await signal(session, { lastSeq, events });
      outbox.failures = 0;
    } catch (error) {
      failed(outbox, error);
      settle(outbox);
      return;
    }
    mine.answered = true;
    // Who could decide is not named yet: nobody knows for how long.
    if (closing || session.agents.length === 0) settle(outbox);
    else void look();
  }

  async function isDecided(sessionKey: number, seq: number): Promise<boolean> {
    return ((await news.decided([sessionKey])).get(sessionKey) ?? 0) >= seq;
  }

  function signal(session: SessionLock, what: News): Promise<void> {
    const { organisationId, id: sessionId, key: sessionKey } = session;
    const start = what.events[0]?.seq === 1 ? freshStart(session) : {};
    return workflows.signalSession({ organisationId, sessionId, sessionKey, ...start }, what);
  }

  function failed(outbox: Outbox, error: unknown): void {
    outbox.failures += 1;
    outbox.urgent = true;
    outbox.dueAt = performance.now() + RETRY_MS * Math.min(outbox.failures, 10);
    if (outbox.failures > 1) return;
    log.warn({ err: error, session: outbox.session.id }, 'a session could not be told of its events; they are stored and will be handed over');
  }

  /** The session makes room; what came meanwhile is told next, unless it is decided as well. */
  function settle(outbox: Outbox, decidedSeq = 0): void {
    if (!outbox.told) return;
    if (decidedSeq >= outbox.lastSeq) outbox.dueAt = Infinity;
    if (outbox.told.relaxed) relaxedTold -= 1;
    outbox.told = undefined;
    told.delete(outbox);
    if (outbox.dueAt < Infinity) schedule(outbox, outbox.dueAt);
    else if (!outbox.queued) outbox.timer = setTimeout(() => forget(outbox), MIN_GAP_MS);
    pump();
  }

  function forget(outbox: Outbox): void {
    if (outbox.told || outbox.queued || outbox.dueAt < Infinity) return;
    outboxes.delete(outbox.session.key);
  }

  /** Looks what the sessions that were told have decided, for as long as there are any. */
  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    for (;;) {
      if (told.size === 0 || closing) break;
      await new Promise((resolve) => setTimeout(resolve, urgent.length > 0 ? LOOK_MS.busy : LOOK_MS.calm));
      const answered = [...told].filter((outbox) => outbox.told?.answered);
      if (answered.length > 0) await lookAt(answered);
    }
    looking = false;
  }

  async function lookAt(sessions: Outbox[]): Promise<void> {
    let decided: Map<number, number>;
    try {
      decided = await news.decided(sessions.map((outbox) => outbox.session.key));
    } catch {
      // Postgres is away, which whoever appends reports: nothing is known, and nobody may wait for ever.
      decided = new Map();
    }
    const now = performance.now();
    for (const outbox of sessions) {
      const { told: then, session } = outbox;
      if (!then) continue;
      const decidedSeq = decided.get(session.key) ?? 0;
      if (decidedSeq >= then.seq || now - then.at > LONGEST_TOLD_MS) settle(outbox, decidedSeq);
    }
  }

  /** A new session's workflow needs no look into the store when its rules come along. */
  function freshStart(session: SessionLock): Pick<SessionInput, 'fresh' | 'shown'> {
    const ruleSets = hints.known(session);
    if (!ruleSets || JSON.stringify(ruleSets).length > MAX_CARRIED_RULES) return {};
    const agent = session.agents[0]?.name;
    return { fresh: { ruleSets }, shown: { status: 'running', ...(agent === undefined ? {} : { agent }) } };
  }

  return {
    noticeFor,
    announce,
    setPressed(isPressing) {
      isPressed = isPressing;
      if (!isPressed) pump();
    },
    async close(ms) {
      closing = true;
      isPressed = false;
      pump();
      for (const outbox of told) if (outbox.told?.answered) settle(outbox);
      for (const outbox of outboxes.values()) {
        if (outbox.dueAt === Infinity || outbox.told || outbox.queued) continue;
        clearTimeout(outbox.timer);
        outbox.urgent = true;
        enqueue(outbox);
      }
      if (told.size + urgent.length + relaxed.length > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
          setTimeout(resolve, ms).unref();
        });
      }
      for (const outbox of outboxes.values()) clearTimeout(outbox.timer);
    },
  };
}
