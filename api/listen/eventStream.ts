import type { Logger } from 'pino';
import { isEnded } from '../../model/session.ts';
import type { Db } from '../../store/database.ts';
import { listEventsAfter } from '../../store/sessionLog.ts';
import { loadStandings, type SessionStanding } from '../../store/sessionStanding.ts';
import { patiently } from '../patience.ts';
import { viewEvent } from '../v1/sessionSchemas.ts';
import type { SessionWatch } from './sessionWatch.ts';
import { viewStanding } from './standingSchema.ts';

export interface EventStreamOptions {
  /** As it is now. */
  standing: SessionStanding;
  /** The last event the client has. */
  afterSeq: number;
  /** So long after the last event of an ended session it counts as closed. Milliseconds. */
  lingerMs: number;
  /** Aborted when the client has gone. */
  gone: AbortSignal;
}

/** Something is sent this often at least, so that neither side takes the other for dead. */
const HEARTBEAT_MS = 15_000;
/** Clients come back by themselves, with a key or token that is looked at again. */
const LONGEST_MS = 15 * 60_000;
/** How soon a client is to come back. */
const COME_BACK_MS = 1000;
const PAGE = { events: 100, bytes: 512 * 1024 };

/**
 * A session as server-sent events: each event once, in order, under its sequence number as id; `status` whenever the
 * status or the last question changes, after the events that led there; `end` when nothing more will come.
 */
export function createEventStream(deps: { db: Db; watch: SessionWatch; log: Logger }, options: EventStreamOptions): ReadableStream<Uint8Array> {
  const { db, watch, log } = deps;
  const { lingerMs, gone } = options;
  const { key } = options.standing;
  const until = performance.now() + LONGEST_MS;
  let { standing, afterSeq } = options;
  let shown = '';
  let ended = false;

  /** What comes next; undefined when nothing does. */
  async function next(): Promise<string | undefined> {
    for (;;) {
      if (standing.lastSeq > afterSeq) {
        const events = await patiently(() => listEventsAfter(db, key, afterSeq, PAGE));
        afterSeq = events.at(-1)?.seq ?? standing.lastSeq;
        return events.map((event) => message(JSON.stringify(viewEvent(event)), { id: event.seq })).join('');
      }
      if (outlook(standing) !== shown) {
        shown = outlook(standing);
        return message(JSON.stringify(viewStanding(standing)), { id: afterSeq, event: 'status' });
      }
      const openMs = isEnded(standing.status) && standing.decidedSeq === standing.lastSeq ? lingerMs - standing.quietMs : Infinity;
      if (openMs <= 0 && !ended) {
        ended = true;
        return message('{}', { id: afterSeq, event: 'end' });
      }
      if (ended || watch.closing || gone.aborted || performance.now() > until) return undefined;
      const news = await watch.until(key, { isAwaited: isNews, ms: Math.min(HEARTBEAT_MS, openMs), gone, everyEvent: true });
      const [now] = news ? [news] : await patiently(() => loadStandings(db, [key]));
      if (now) standing = now;
      if (!news) return ': still here\n\n';
    }
  }

  function isNews(now: SessionStanding): boolean {
    return now.lastSeq > afterSeq || outlook(now) !== shown;
  }

  async function nextOrEnd(): Promise<string | undefined> {
    try {
      return await next();
    } catch (error) {
      if (!gone.aborted) log.warn({ err: error }, "a session's stream broke off; its client comes back");
      return undefined;
    }
  }

  const encoder = new TextEncoder();
  let cancelled = false;
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(`retry: ${COME_BACK_MS}\n\n`)),
    async pull(controller) {
      const text = await nextOrEnd();
      if (cancelled) return;
      if (text === undefined) controller.close();
      else controller.enqueue(encoder.encode(text));
    },
    cancel() {
      cancelled = true;
    },
  });
}

/** What a `status` message tells, apart from how far the session is decided. */
function outlook({ status, confirmation }: SessionStanding): string {
  return `${status} ${confirmation?.id} ${confirmation?.status}`;
}

function message(data: string, { id, event }: { id: number; event?: string }): string {
  return `id: ${id}\n${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`;
}
