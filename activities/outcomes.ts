import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import type { Failing } from '../store/health.ts';
import { type Outcome, recordOutcomes } from '../store/outcomes.ts';
import { isUnavailable } from '../store/unavailable.ts';

const MAX_BATCH = 500;
const RETRY_MS = 500;
/** After this long an outcome is given up: its lease has ended, and the message is sent again under the same id. */
const GIVE_UP_MS = 60_000;

/** Records outcomes, those of concurrent sends together in one statement. */
export interface OutcomeRecorder {
  /** Resolves when the outcome is stored, or given up; to how its integration stands if that is failing now. */
  record(outcome: Outcome): Promise<Failing | undefined>;
}

export function createOutcomeRecorder(db: Db, log: Logger): OutcomeRecorder {
  let waiting: { outcome: Outcome; done: (failing: Failing | undefined) => void }[] = [];
  let busy = false;

  async function flush(): Promise<void> {
    if (busy) return;
    busy = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      const failing = await store(batch.map((item) => item.outcome));
      for (const { outcome, done } of batch) done(failing.get(outcome.health?.integrationId ?? ''));
    }
    busy = false;
  }

  async function store(outcomes: Outcome[]): Promise<Map<string, Failing>> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      try {
        return await recordOutcomes(db, outcomes);
      } catch (error) {
        if (!isUnavailable(error) && outcomes.length > 1) {
          const failing = new Map<string, Failing>();
          for (const outcome of outcomes) for (const [id, standing] of await store([outcome])) failing.set(id, standing);
          return failing;
        }
        if (!isUnavailable(error) || performance.now() > giveUpAt) {
          log.error({ err: error, deliveries: outcomes.length }, 'outcomes of attempts could not be stored; their messages will be sent again');
          return new Map();
        }
        log.warn({ err: error, deliveries: outcomes.length }, 'storing the outcomes of attempts failed; trying again');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  return {
    record: (outcome) =>
      new Promise((done) => {
        waiting.push({ outcome, done });
        void flush();
      }),
  };
}
