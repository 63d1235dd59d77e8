import { setTimeout as sleep } from 'node:timers/promises';
import { audit } from './audit.ts';
import { createClient } from './client.ts';
import { createSaboteur, type FaultCounts, type Pace, planRun } from './faults.ts';
import { createHerald, type Herald } from './herald.ts';
import { createLedger } from './ledger.ts';
import type { ChaosOptions } from './options.ts';
import { createRandom } from './random.ts';
import { startReceiver } from './receiver.ts';
import { startRoughly } from './roughStart.ts';
import { startLoad } from './sessions.ts';
import { configure } from './setup.ts';
import { watchStalls } from './stalls.ts';
import { judge, missing, type Verdict } from './verdict.ts';

export interface ChaosReport extends Verdict, FaultCounts {
  seed: number;
  seconds: number;
  /** Events a second that were accepted while things broke. */
  acceptedPerSecond: number;
  /** Messages that the receiver did not treat as it should, by what it did. */
  receiver: Record<string, number>;
  /** Pauses, questions and the like that were sent to sessions by hand. */
  commands: { carriedOut: number; refused: number };
  /** Answers to requests by status; `none` when nobody answered. */
  answers: Record<string, number>;
  /** How often the machine stood still for a second or more. */
  stalls: number;
  /** From the last fault until everything had arrived. */
  drainSeconds: number;
  /** What Herald's own API says that it should not, and what it answered that it should not. */
  problems: string[];
}

/** How long a webhook may take. Shorter than the default, so that more goes wrong in the time of a run. */
const WEBHOOK_TIMEOUT_MS = 2500;
/** What waits for an hour by default waits for a second, and leases end while a process is frozen. */
const timings = {
  send: { leaseMs: 30_000, leaseMarginMs: 5000, attemptLeaseMs: 6000, retrySchedule: [0, 500, 1000, ...Array.from({ length: 60 }, () => 2000)] },
  relay: { againMs: 3000 },
  sweeper: { pauseMs: 1000, graceMs: 1000, againMs: 3000 },
  session: { lingerMs: 3000, maxHistoryEvents: 300 },
};

/** Runs shorter than this are for `npm test`: shorter pauses, and nothing is frozen for long. */
const QUICK_SECONDS = 60;
const longPace: Pace = { freezeMs: { api: 22_000, worker: 32_000, temporal: 20_000, postgres: 18_000 }, pauseMs: [1000, 4000], withAll: true };
const quickPace: Pace = { freezeMs: { api: 4000, worker: 16_000, temporal: 4000, postgres: 4000 }, pauseMs: [500, 1500], withAll: false };

const WHOLE_WITHIN_MS = 120_000;
const RECOVERY_WITHIN_MS = 20_000;
/** The receiver goes on misbehaving until it has done so to somebody. */
const HIT_WITHIN_MS = 20_000;
const DRAIN_WITHIN_MS = 300_000;
const QUIET_MS = 3000;
const POLL_MS = 500;

/**
 * Breaks a Herald of its own under load and answers what became of what it had accepted.
 *
 * @param stopping Ends the run early; it then rejects.
 */
export async function runChaos(options: ChaosOptions, say: (line: string) => void, stopping: AbortSignal): Promise<ChaosReport> {
  const startedAt = Date.now();
  const tell = (line: string) => say(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const receiver = await startReceiver(WEBHOOK_TIMEOUT_MS, tell);
  const env = { HERALD_TIMINGS: JSON.stringify(timings), HERALD_LOG_LEVEL: 'warn' };
  const herald = await createHerald({ env, keep: options.keep, say: (line) => tell(`  ${line.trim()}`) });
  const random = createRandom(options.seed);
  const saboteur = createSaboteur(herald, random, tell);
  const { stalls, stop: stopWatching } = watchStalls();
  try {
    return await run();
  } finally {
    stopWatching();
    saboteur.thaw();
    receiver.calm();
    if (options.keep) tell(`The data folder is ${herald.dataDir}`);
    await herald.stop();
    await receiver.close();
  }

  async function run(): Promise<ChaosReport> {
    const quick = options.seconds < QUICK_SECONDS;
    tell(`seed ${options.seed}: a first start that is interrupted`);
    await startRoughly({ herald, random, interruptions: quick ? 1 : 4, only: options.only, counts: saboteur.counts, say: tell });
    await untilWhole(herald, WHOLE_WITHIN_MS);
    const configured = await configure(herald, receiver.url, WEBHOOK_TIMEOUT_MS);

    const ledger = createLedger();
    const givenUp = new AbortController();
    const client = createClient(herald.url, ledger, createRandom(options.seed + 100), givenUp.signal);
    const load = startLoad({ client, apiKey: herald.apiKey, seed: options.seed, rate: options.rate, givenUp: givenUp.signal });
    receiver.startWeather(createRandom(options.seed + 200));
    const began = Date.now();
    const endsAt = began + options.seconds * 1000;
    tell(`${options.rate} events/s for ${options.seconds} s, while things break`);
    for (const { fault, pauseMs, mended } of planRun(options.seed + 300, options.only, quick ? quickPace : longPace)) {
      await sleep(pauseMs, undefined, { signal: stopping });
      if (Date.now() >= endsAt) break;
      await saboteur.inflict(fault);
      stopping.throwIfAborted();
      if (mended) await herald.isWhole(Math.min(RECOVERY_WITHIN_MS, Math.max(0, endsAt - Date.now())));
    }

    const brokenUntil = Date.now();
    const acceptedMeanwhile = ledger.accepted().length;
    tell('Nothing is killed any more; waiting until everything has arrived.');
    const giveUp = setTimeout(() => givenUp.abort(), DRAIN_WITHIN_MS);
    stopping.addEventListener('abort', () => givenUp.abort());
    await untilWhole(herald, WHOLE_WITHIN_MS);
    await untilHit(Date.now() + HIT_WITHIN_MS);
    receiver.calm();
    tell('The receiver is calm.');
    await load.finish();
    await drain(brokenUntil + DRAIN_WITHIN_MS, () => missing(ledger, receiver.arrivals));
    clearTimeout(giveUp);
    const drainSeconds = Math.round((Date.now() - QUIET_MS - brokenUntil) / 1000);
    stopping.throwIfAborted();

    tell('Asking Herald what it has decided and sent.');
    const problems = [...client.problems(), ...(await audit(herald, ledger, load.sessionIds(), configured))];
    const verdict = judge({ ledger, arrivals: receiver.arrivals, configured, disturbances: [...saboteur.disturbances, ...stalls] });
    return {
      seed: options.seed,
      seconds: options.seconds,
      ...verdict,
      acceptedPerSecond: Math.round((acceptedMeanwhile * 1000) / (brokenUntil - began)),
      ...saboteur.counts,
      receiver: receiver.hits(),
      commands: { carriedOut: ledger.accepted().filter(({ eventId }) => eventId.startsWith('command:')).length, refused: ledger.refused().length },
      answers: client.answers(),
      stalls: stalls.length,
      drainSeconds,
      problems,
    };
  }

  /** In a short run nothing may have been sent as long as something was away. */
  async function untilHit(giveUpAt: number): Promise<void> {
    while (Object.keys(receiver.hits()).length === 0 && Date.now() < giveUpAt) await sleep(POLL_MS, undefined, { signal: stopping });
  }

  async function drain(giveUpAt: number, openPairs: () => number): Promise<void> {
    let quietSince = Date.now();
    let arrivals = receiver.arrivals.length;
    for (let round = 0; Date.now() < giveUpAt; round += 1) {
      stopping.throwIfAborted();
      const open = openPairs();
      if (open > 0 && round % 10 === 0) tell(`${open} messages are still to come`);
      if (receiver.arrivals.length > arrivals || open > 0) quietSince = Date.now();
      arrivals = receiver.arrivals.length;
      if (Date.now() - quietSince >= QUIET_MS) return;
      await sleep(POLL_MS);
    }
  }
}

async function untilWhole(herald: Herald, withinMs: number): Promise<void> {
  if (await herald.isWhole(withinMs)) return;
  throw new Error(`Herald did not come back within ${withinMs / 1000} s:\n${herald.lastLines().join('\n')}`);
}
