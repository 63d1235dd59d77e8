import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from './clock.ts';
import type { DriverCommands, LoadResult } from './driver/main.ts';
import { type EventShape, expectedMessages, type Figures, figuresOf } from './figures.ts';
import type { ReceiverCommands } from './receiver.ts';
import type { Caller } from './remote.ts';
import type { Setup } from './setup.ts';
import type { Stack } from './stack.ts';
import { cpuMsEach, cpuSecondsOf } from './usage.ts';

/** Everything a scenario works with. */
export interface Bench {
  stack: Stack;
  driver: Caller<DriverCommands>;
  receiver: Caller<ReceiverCommands>;
  setup: Setup;
  /** In the names of sessions and runs, so that benches of one installation do not meet. */
  nonce: string;
  /** 1 is the whole bench; less shortens it. */
  scale: number;
  progress: (line: string) => void;
}

export interface MeasuredFigures extends Figures {
  /** CPU time by part for each event. Unlike the rest it depends little on what else the machine does. */
  cpuMsPerEvent: Record<string, number>;
}

const POLL_MS = 50;
/** The wait for messages ends when all are there, when none has come for this long, or after all that time. */
const SILENCE_MS = 20_000;
const DRAIN_WITHIN_MS = 120_000;

/** Makes a run's requests, waits for its messages, and counts. */
export async function measure(bench: Bench, run: string, shape: EventShape, load: () => Promise<LoadResult>): Promise<MeasuredFigures> {
  const { pids } = bench.stack;
  const before = cpuSecondsOf(pids);
  const result = await load();
  await drain(bench, run, expectedMessages(shape));
  const cpuMsPerEvent = cpuMsEach(before, cpuSecondsOf(pids), shape.events);
  const figures = figuresOf(shape, result, await bench.receiver('take', run));
  const refused = Object.entries(figures.refused);
  for (const [answer, count] of refused) bench.progress(`  ${count} requests were refused: ${answer}`);
  return { ...figures, cpuMsPerEvent };
}

async function drain({ receiver }: Pick<Bench, 'receiver'>, run: string, expected: number): Promise<number> {
  const giveUpAt = clockMs() + DRAIN_WITHIN_MS;
  let arrived = await receiver('count', run);
  let lastNewsAt = clockMs();
  while (arrived < expected && clockMs() < giveUpAt && clockMs() - lastNewsAt < SILENCE_MS) {
    await sleep(POLL_MS);
    const now = await receiver('count', run);
    if (now > arrived) lastNewsAt = clockMs();
    arrived = now;
  }
  return arrived;
}

/**
 * Waits for the messages of a run that is not measured, and for the processes to come to rest.
 * @throws Error when they do not all arrive: then there is nothing to measure.
 */
export async function expectArrivals(bench: Bench, run: string, expected: number): Promise<void> {
  const arrived = await drain(bench, run, expected);
  await bench.receiver('take', run);
  if (arrived < expected) throw new Error(`Only ${arrived} of ${expected} messages arrived while warming up. The logs are in ${bench.stack.folder} (see --keep).`);
  await settle(bench);
}

const SETTLE_WITHIN_MS = 900_000;
/** Where the store cannot be asked, this must do. */
const BLIND_SETTLE_MS = 5000;
const QUIET_MS = 1000;

/** Waits until everything that was stored is decided, and a moment for the processes to come to rest. */
export async function settle({ stack }: Pick<Bench, 'stack'>): Promise<void> {
  const giveUpAt = clockMs() + SETTLE_WITHIN_MS;
  for (;;) {
    const undecided = await stack.undecided();
    if (undecided === undefined) return sleep(BLIND_SETTLE_MS);
    if (undecided === 0) return sleep(QUIET_MS);
    if (clockMs() > giveUpAt) throw new Error(`${undecided} events were still undecided after ${SETTLE_WITHIN_MS / 60_000} minutes.`);
    await sleep(POLL_MS * 4);
  }
}
