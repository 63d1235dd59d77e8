import type { Logger } from 'pino';
import type { SessionEvent } from '../model/types.ts';
import type { Appended, SessionLock } from '../store/append.ts';
import type { Workflows } from '../temporal/workflows.ts';
import type { RuleHints } from './ruleHints.ts';

/** Signals under way over all sessions: under overload each then carries more, instead of more waiting. */
const MAX_IN_FLIGHT = 12;
/** A signal carries at most so many events, and about so many characters; beyond it only says that there is news. */
const MAX_EVENTS = 200;
const MAX_JSON = 128 * 1024;
/** Events that no rule waits for may wait this long for company. */
const RELAXED_MS = 1000;
/** A busy session is signalled this often at most: each signal costs the server a workflow task. */
const MIN_GAP_MS = 50;
/** Events held for signals over all sessions, in characters of JSON; beyond it signals only say that there is news. */
const MAX_HELD = 32 * 1024 * 1024;
/** After a failed signal. */
const RETRY_MS = 1000;
/** Rules up to this size travel with the start of a session's workflow. In characters of JSON. */
const MAX_CARRIED_RULES = 16 * 1024;

/** Tells the workflows of sessions what was stored. Holds little, loses nothing: Postgres has it all. */
export interface Dispatcher {
  announce(appended: Appended): void;
  /** Hands over what still waits, for at most `ms`. */
  close(ms: number): Promise<void>;
}

interface Outbox {
  session: SessionLock;
  lastSeq: number;
  events: SessionEvent[];
  json: number;
  dueAt: number;
  lastSignalAt: number;
  inFlight: boolean;
  queued: boolean;
  failures: number;
  timer?: NodeJS.Timeout;
}

export function createDispatcher(workflows: Workflows, hints: RuleHints, log: Logger): Dispatcher {
  const outboxes = new Map<number, Outbox>();
  const due: Outbox[] = [];
  let inFlight = 0;
  let held = 0;
  let onIdle: (() => void) | undefined;

  function announce({ session, events, lastSeq }: Appended): void {
    const outbox = outboxes.get(session.key) ?? open(session);
    outbox.session = session;
    outbox.lastSeq = Math.max(outbox.lastSeq, lastSeq);
    for (const event of events) keep(outbox, event);
    const now = performance.now();
    const waitMs = hints.isUrgent(session, events) ? 0 : RELAXED_MS;
    schedule(outbox, Math.min(outbox.dueAt, now + waitMs));
  }

  function open(session: SessionLock): Outbox {
    const outbox: Outbox = {
      session,
      lastSeq: 0,
      events: [],
      json: 0,
      dueAt: Infinity,
      lastSignalAt: -Infinity,
      inFlight: false,
      queued: false,
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

  function schedule(outbox: Outbox, at: number): void {
    outbox.dueAt = at;
    if (outbox.inFlight || outbox.queued) return;
    const earliest = Math.max(at, outbox.lastSignalAt + MIN_GAP_MS);
    const waitMs = earliest - performance.now();
    clearTimeout(outbox.timer);
    if (waitMs <= 0) enqueue(outbox);
    else outbox.timer = setTimeout(() => enqueue(outbox), waitMs);
  }

  function enqueue(outbox: Outbox): void {
    outbox.queued = true;
    due.push(outbox);
    pump();
  }

  function pump(): void {
    while (inFlight < MAX_IN_FLIGHT && due.length > 0) {
      const outbox = due.shift()!;
      outbox.queued = false;
      inFlight += 1;
      void signal(outbox).finally(() => {
        inFlight -= 1;
        pump();
        if (outboxes.size === 0) onIdle?.();
      });
    }
  }

  async function signal(outbox: Outbox): Promise<void> {
    const { session, events, lastSeq } = outbox;
    outbox.inFlight = true;
    outbox.events = [];
    held -= outbox.json;
    outbox.json = 0;
    outbox.dueAt = Infinity;
    outbox.lastSignalAt = performance.now();
    try {
      const fresh = events[0]?.seq === 1 ? freshStart(session) : undefined;
      const { organisationId, id: sessionId, key: sessionKey } = session;
      await workflows.signalSession({ organisationId, sessionId, sessionKey, ...(fresh ? { fresh } : {}) }, { lastSeq, events });
      outbox.failures = 0;
    } catch (error) {
      outbox.failures += 1;
      outbox.dueAt = performance.now() + RETRY_MS * Math.min(outbox.failures, 10);
      if (outbox.failures === 1) {
        log.warn({ err: error, session: session.id }, 'a session could not be told of its events; they are stored and will be handed over');
      }
    }
    outbox.inFlight = false;
    if (outbox.dueAt < Infinity) schedule(outbox, outbox.dueAt);
    else outbox.timer = setTimeout(() => forget(outbox), MIN_GAP_MS);
  }

  function forget(outbox: Outbox): void {
    if (outbox.inFlight || outbox.queued || outbox.dueAt < Infinity) return;
    outboxes.delete(outbox.session.key);
    if (outboxes.size === 0) onIdle?.();
  }

  /** A new session's workflow needs no look into the store when its rules come along. */
  function freshStart(session: SessionLock): { ruleSets: NonNullable<ReturnType<RuleHints['known']>> } | undefined {
    const ruleSets = hints.known(session);
    if (!ruleSets || JSON.stringify(ruleSets).length > MAX_CARRIED_RULES) return undefined;
    return { ruleSets };
  }

  return {
    announce,
    async close(ms) {
      for (const outbox of outboxes.values()) {
        if (outbox.dueAt < Infinity && !outbox.inFlight && !outbox.queued) {
          clearTimeout(outbox.timer);
          enqueue(outbox);
        }
      }
      if (outboxes.size > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
          setTimeout(resolve, ms).unref();
        });
      }
      for (const outbox of outboxes.values()) clearTimeout(outbox.timer);
    },
  };
}
