import type { SessionEvent } from '../model/types.ts';
import type { News } from './messages.ts';

/** Events further ahead than this wait in Postgres, not in the workflow. */
const WINDOW = 1000;

/**
 * What a session has heard of and not yet decided. Takes only the event that follows the last
 * decided one: copies, gaps and wrong orders in the news do no harm.
 */
export class Inbox {
  /** Everything up to here is decided. */
  watermark: number;
  /** The highest sequence number heard of. */
  lastSeq: number;
  readonly #waiting = new Map<number, SessionEvent>();

  constructor(watermark: number, lastSeq: number) {
    this.watermark = watermark;
    this.lastSeq = Math.max(watermark, lastSeq);
  }

  hear(news: News): void {
    this.lastSeq = Math.max(this.lastSeq, news.lastSeq);
    for (const event of news.events) this.#keep(event);
  }

  #keep(event: SessionEvent): void {
    this.lastSeq = Math.max(this.lastSeq, event.seq);
    if (event.seq > this.watermark && event.seq <= this.watermark + WINDOW) this.#waiting.set(event.seq, event);
  }

  /** True when there is an event to decide, here or only in Postgres. */
  get hasWork(): boolean {
    return this.lastSeq > this.watermark;
  }

  /** True when the events at hand stop short of what was heard of, and there is room for more. */
  get lacksSome(): boolean {
    const { readyUpTo } = this;
    return readyUpTo < this.lastSeq && readyUpTo < this.watermark + WINDOW;
  }

  /** The next undecided events without a gap, at most `limit`. Empty with `hasWork`: they must be loaded. */
  ready(limit = WINDOW): SessionEvent[] {
    const events: SessionEvent[] = [];
    for (let seq = this.watermark + 1; events.length < limit; seq += 1) {
      const event = this.#waiting.get(seq);
      if (!event) break;
      events.push(event);
    }
    return events;
  }

  /** How many events are at hand without a gap. */
  get readyUpTo(): number {
    let seq = this.watermark;
    while (this.#waiting.has(seq + 1)) seq += 1;
    return seq;
  }

  /** There is nothing beyond the events at hand after all. */
  expectNoMore(): void {
    this.lastSeq = this.readyUpTo;
  }

  decidedUpTo(seq: number): void {
    for (let decided = this.watermark + 1; decided <= seq; decided += 1) this.#waiting.delete(decided);
    this.watermark = Math.max(this.watermark, seq);
    this.lastSeq = Math.max(this.lastSeq, this.watermark);
  }
}
