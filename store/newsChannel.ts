import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import pg from 'pg';
import type { SessionEvent } from '../model/types.ts';
import type { Db } from './database.ts';

/** The channel on which processes tell workers that wait for a session's next events that there are some. */
export const NEWS_CHANNEL = 'herald_news';
/** The channel on which Postgres itself tells which sessions have changed their status (migration 0007). */
export const STATUS_CHANNEL = 'herald_status';
/** Postgres takes payloads below 8,000 bytes; a key has at most 16 digits. */
const KEYS_A_MESSAGE = 400;
/** With room for a session's key, a sequence number and a version before it. */
const LONGEST_NOTICE = 7900;
const PRESSED = 'pressed';
const RELIEVED = 'relieved';
const RECONNECT_MS = 500;
/** A connection that breaks without a word is found out by asking. */
const PROBE_MS = 5000;

/** Tells the workers that wait for news of these sessions that there is some. Nobody may be listening. */
export async function announceNews(db: Db, sessionKeys: number[]): Promise<void> {
  for (let from = 0; from < sessionKeys.length; from += KEYS_A_MESSAGE) {
    const payload = sessionKeys.slice(from, from + KEYS_A_MESSAGE).join(',');
    await sql`select pg_notify(${NEWS_CHANNEL}, ${payload})`.execute(db);
  }
}

/** An event as a notice carries it: Postgres adds where it stands in its session. */
type NoticedEvent = Omit<SessionEvent, 'seq' | 'rulesVersion' | 'receivedAt'>;

/** What the worker that listens for a session is told while these events are appended; undefined when they are too large for that. */
export function noticeOf(events: NoticedEvent[]): string | undefined {
  const notice = JSON.stringify(events);
  return Buffer.byteLength(notice) <= LONGEST_NOTICE ? notice : undefined;
}

/** How the append puts it: `<session key> <first sequence number> <rules version> <notice>`. */
function readNotice(payload: string): { sessionKey: number; events: SessionEvent[] } {
  const [sessionKey, firstSeq, rulesVersion] = payload.split(' ', 3).map(Number) as [number, number, number];
  const noticed = JSON.parse(payload.slice(payload.indexOf('['))) as NoticedEvent[];
  return { sessionKey, events: noticed.map((event, index) => ({ seq: firstSeq + index, ...event, rulesVersion })) };
}

/** Tells the workers whether a burst of requests presses. They forget it soon: it is to be repeated. */
export async function announcePressure(db: Db, isPressing: boolean): Promise<void> {
  await sql`select pg_notify(${NEWS_CHANNEL}, ${isPressing ? PRESSED : RELIEVED})`.execute(db);
}

export interface NewsListener {
  /** There is news of these sessions. */
  onNews(sessionKeys: number[]): void;
  /** There is news of this session: these events, one after the other. */
  onEvents?(sessionKey: number, events: SessionEvent[]): void;
  /** Whether a burst of requests presses. */
  onPressure?(isPressed: boolean): void;
  /** Whether news can be heard now. */
  onChange(hears: boolean): void;
  onError(error: Error): void;
}

/** Listens on a connection of its own, which is replaced when it breaks. Returns what ends it. */
export function listenForNews(databaseUrl: string, listener: NewsListener, channel = NEWS_CHANNEL): () => Promise<void> {
  let stopped = false;
  let current: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    if (stopped) return;
    const client = new pg.Client({ connectionString: databaseUrl, application_name: 'herald-news', keepAlive: true, query_timeout: PROBE_MS });
    current = client;
    let lost = false;
    const lose = (error?: Error) => {
      if (lost) return;
      lost = true;
      clearInterval(probe);
      listener.onChange(false);
      void client.end().catch(() => undefined);
      if (stopped) return;
      if (error) listener.onError(error);
      timer = setTimeout(() => void connect(), RECONNECT_MS);
    };
    client.on('error', lose);
    client.on('end', () => lose());
    const hello = `?${randomUUID()}`;
    client.on('notification', ({ payload = '' }) => {
      if (payload === hello) return listener.onChange(true);
      if (payload === PRESSED || payload === RELIEVED) return listener.onPressure?.(payload === PRESSED);
      if (/^\d+(,\d+)*$/.test(payload)) return listener.onNews(payload.split(',').map(Number));
      // Whatever else there is is another process' hello, or comes from another version.
      if (!/^\d+ \d+ \d+ \[/.test(payload)) return;
      const { sessionKey, events } = readNotice(payload);
      listener.onEvents?.(sessionKey, events);
    });
    const probe = setInterval(() => void client.query('select 1').catch(lose), PROBE_MS);
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      // A connection through a pooler takes the command and hears nothing: only what comes back counts.
      await client.query('select pg_notify($1, $2)', [channel, hello]);
    } catch (error) {
      lose(error instanceof Error ? error : new Error(String(error)));
    }
  }

  void connect();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await current?.end().catch(() => undefined);
  };
}
