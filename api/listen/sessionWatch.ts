import type { Logger } from 'pino';
import type { Db } from '../../store/database.ts';
import { listenForNews, STATUS_CHANNEL } from '../../store/newsChannel.ts';
import { loadStandings, type SessionStanding } from '../../store/sessionStanding.ts';
import { unavailable } from '../problems.ts';

/** Tells those who wait in this process what became of their sessions. However many wait, one connection listens. */
export interface SessionWatch {
  /**
   * Resolves with how the session stands as soon as that is what the caller waits for; undefined when the time is over,
   * the caller has gone or the process ends.
   *
   * @throws {Problem} 503 when too many wait already.
   */
  until(sessionKey: number, wait: Wait): Promise<SessionStanding | undefined>;
  /** True once the process ends: who waits asks another one. */
  readonly closing: boolean;
  /** How many wait. */
  readonly waiting: number;
  close(): Promise<void>;
}

export interface Wait {
  isAwaited: (standing: SessionStanding) => boolean;
  /** Milliseconds. */
  ms: number;
  /** Aborted when the caller has gone. */
  gone: AbortSignal;
  /** News may be an event that changes no status, which is not notified. */
  everyEvent?: boolean;
}

export interface SessionWatchDependencies {
  db: Db;
  log: Logger;
  /** Where Postgres tells which sessions have changed their status. */
  databaseUrl: string;
  /** Notifications get lost with their connection, and not everything is notified. Milliseconds between looks, default 500. */
  lookMs?: number;
}

interface Waiter extends Pick<Wait, 'isAwaited' | 'everyEvent'> {
  settle: (standing: SessionStanding | undefined) => void;
}

const LOOK_MS = 500;
/** Those who are notified are looked after with every so many looks only. */
const CALM = 4;
const KEYS_A_READ = 1000;
/** News that comes this close together is read together. */
const PAUSE_MS = 15;
/** Each is an open connection of a client. */
const MAX_WAITERS = 20_000;

export function createSessionWatch({ db, log, databaseUrl, lookMs = LOOK_MS }: SessionWatchDependencies): SessionWatch {
  const waiters = new Map<number, Set<Waiter>>();
  /** Sessions to be read again. */
  const stale = new Set<number>();
  let waiting = 0;
  let closing = false;
  let reading = false;
  let failing = false;
  let hears = false;
  let looks = 0;

  const onError = (error: Error) => log.warn({ err: error }, 'changes of status cannot be heard; connecting again');
  const stopListening = listenForNews(databaseUrl, { onNews: look, onChange, onError }, STATUS_CHANNEL);
  const timer = setInterval(lookAround, lookMs);
  timer.unref();

  /** What happened while nothing could be heard. */
  function onChange(hearsNow: boolean): void {
    hears = hearsNow;
    look(waiters.keys());
  }

  function lookAround(): void {
    looks += 1;
    if (!hears || looks % CALM === 0) return look(waiters.keys());
    for (const [key, ofSession] of waiters) if ([...ofSession].some(({ everyEvent }) => everyEvent)) look([key]);
  }

  function look(sessionKeys: Iterable<number>): void {
    for (const key of sessionKeys) if (waiters.has(key)) stale.add(key);
    if (!reading && stale.size > 0) void readStale();
  }

  async function readStale(): Promise<void> {
    reading = true;
    while (stale.size > 0) {
      const keys = [...stale].slice(0, KEYS_A_READ);
      for (const key of keys) stale.delete(key);
      await read(keys);
      if (stale.size > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    reading = false;
  }

  /** When the database is away, the next look asks again. */
  async function read(keys: number[]): Promise<void> {
    try {
      for (const standing of await loadStandings(db, keys)) {
        for (const waiter of waiters.get(standing.key) ?? []) if (waiter.isAwaited(standing)) waiter.settle(standing);
      }
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error }, 'waiting clients could not be told about their sessions; trying again');
      failing = true;
    }
  }

  return {
    get closing() {
      return closing;
    },

    get waiting() {
      return waiting;
    },

    until(sessionKey, { isAwaited, ms, gone, everyEvent }) {
      if (waiting >= MAX_WAITERS) throw unavailable('Too many clients wait already. Ask again.', 1);
      return new Promise((resolve) => {
        if (closing || gone.aborted || ms <= 0) return resolve(undefined);
        const settle = (standing: SessionStanding | undefined) => {
          if (!ofSession.delete(waiter)) return;
          waiting -= 1;
          if (ofSession.size === 0) waiters.delete(sessionKey);
          clearTimeout(timeUp);
          gone.removeEventListener('abort', giveUp);
          resolve(standing);
        };
        const giveUp = () => settle(undefined);
        const timeUp = setTimeout(giveUp, ms);
        gone.addEventListener('abort', giveUp, { once: true });
        const waiter: Waiter = { isAwaited, everyEvent, settle };
        const ofSession = waiters.get(sessionKey) ?? new Set();
        waiters.set(sessionKey, ofSession.add(waiter));
        waiting += 1;
        // What happened between the caller's own look and now.
        look([sessionKey]);
      });
    },

    async close() {
      closing = true;
      clearInterval(timer);
      for (const ofSession of waiters.values()) for (const waiter of ofSession) waiter.settle(undefined);
      await stopListening();
    },
  };
}
