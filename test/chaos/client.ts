import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, call } from './http.ts';
import type { Ledger, ReportedEvent } from './ledger.ts';
import type { Random } from './random.ts';

export interface Report {
  path: string;
  headers: Record<string, string>;
  body: object;
  /** The events that the request brings about. */
  events: ReportedEvent[];
  /** Is not repeated when no 2xx comes: its events may then arrive or not. */
  careless?: boolean;
  /** May be answered with 409: then nothing must come of it. */
  refusable?: boolean;
}

/** An agent's client as it should be: repeats a request, with the same ids, until it is answered with 2xx. */
export interface Client {
  /** Answers the 2xx; `undefined` when there was none and none will be waited for. */
  report(report: Report): Promise<Answer | undefined>;
  /** How often which status came; `none` for no answer. */
  answers(): Record<string, number>;
  /** Answers that no well-behaved client should get. */
  problems(): string[];
}

/** Longer than the API keeps a request waiting for Postgres. */
const TIMEOUT_MS = 20_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;

/** @param givenUp Aborted when nothing is to be repeated any more. */
export function createClient(url: string, ledger: Ledger, random: Random, givenUp: AbortSignal): Client {
  const answers: Record<string, number> = {};
  const problems: string[] = [];

  async function report({ path, headers, body, events, careless, refusable }: Report): Promise<Answer | undefined> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      ledger.offer(events);
      const answer = await call({ method: 'POST', url: url + path, headers, body, timeoutMs: TIMEOUT_MS });
      const name = answer.status === 0 ? 'none' : String(answer.status);
      answers[name] = (answers[name] ?? 0) + 1;
      if (answer.status >= 200 && answer.status < 300) {
        ledger.accept(events);
        return answer;
      }
      if (refusable && answer.status === 409) {
        ledger.refuse(events);
        return undefined;
      }
      // A server that is away or overloaded says 503, or nothing.
      const isExpected = answer.status === 0 || answer.status === 503;
      if (!isExpected) problems.push(`${path} answered ${answer.status}: ${JSON.stringify(answer.body).slice(0, 200)}`);
      if (careless || (!isExpected && answer.status < 500) || givenUp.aborted) return undefined;
      await sleep(Math.max(pauseMs * (0.5 + random.next()), answer.retryAfterMs), undefined, { signal: givenUp }).catch(() => undefined);
      if (givenUp.aborted) return undefined;
    }
  }

  return { report, answers: () => answers, problems: () => problems };
}
