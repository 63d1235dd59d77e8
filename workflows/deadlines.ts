import { CancelledFailure, condition } from '@temporalio/workflow';
import { type Deadline, deadlinesOf } from '../model/deadlines.ts';
import type { SessionState } from '../model/session.ts';

/** Nothing is judged more often than this, whatever the clocks say. */
const SHORTEST_WAIT_MS = 100;
/** What was found due and stored is judged again after this, in case it was not decided. */
const DECIDED_BY_MS = 60_000;

/**
 * Minds the deadlines of a session while its run lasts, with one timer at a time: it is set for the soonest deadline and
 * left alone when that moves away, so that events cost nothing. Postgres has the last word on what is due.
 */
export class DeadlineWatch {
  /** When the session was last heard of. Milliseconds since 1970. */
  heardAt: number;
  /** While deadlines are judged the run must not end. */
  judging = false;
  /** A deadline that Postgres did not find due, and when to ask again. */
  #asked = { name: '', again: 0 };
  readonly #stateNow: () => SessionState;
  readonly #judge: () => Promise<number | null>;

  /**
   * @param stateNow The session's newest known state.
   * @param judge Has what is due stored; answers in how many milliseconds the next deadline is, null when nobody knows.
   */
  constructor(heardAt: number, stateNow: () => SessionState, judge: () => Promise<number | null>) {
    this.heardAt = heardAt;
    this.#stateNow = stateNow;
    this.#judge = judge;
  }

  /** Resolves when the run is cancelled, otherwise never. */
  async run(): Promise<void> {
    try {
      while (true) await this.#mindNext();
    } catch (error) {
      if (!(error instanceof CancelledFailure)) throw error;
    }
  }

  async #mindNext(): Promise<void> {
    await condition(() => this.#next() !== undefined);
    const next = this.#next();
    // What was true for the condition may have passed: the session ended in the same step.
    if (next === undefined) return;
    if (next.at > Date.now()) {
      await condition(() => (this.#next()?.at ?? Infinity) < next.at, next.at - Date.now());
      return;
    }
    const name = nameOf(next);
    this.judging = true;
    const nextMs = await this.#judge();
    this.judging = false;
    this.#asked = { name, again: Date.now() + Math.max(nextMs ?? DECIDED_BY_MS, SHORTEST_WAIT_MS) };
  }

  #next(): Deadline | undefined {
    const { name, again } = this.#asked;
    return deadlinesOf(this.#stateNow(), this.heardAt, 0)
      .map((deadline) => (nameOf(deadline) === name ? { ...deadline, at: Math.max(deadline.at, again) } : deadline))
      .toSorted((a, b) => a.at - b.at)[0];
  }
}

function nameOf({ kind, seq }: Deadline): string {
  return `${kind} ${seq}`;
}
