import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnHerald } from '../../bin/start/spawn.ts';
import { readPidFile } from '../../embedded/pidFile.ts';
import { readPorts } from '../../embedded/ports.ts';
import { sessionWorkflowId } from '../../model/naming.ts';
import { residentMb } from './memory.ts';
import { live } from './life.ts';
import type { SoakOptions } from './options.ts';
import { type CountingReceiver, startCountingReceiver } from './receiver.ts';
import { readRuns } from './runs.ts';
import { startSoakSession } from './session.ts';
import { problemsOf } from './verdict.ts';

export interface SoakReport {
  /** Accepted, those that commands became included. */
  events: number;
  /** Events whose message never came. */
  lost: number;
  /** Messages beyond one for each event. */
  duplicateEffects: number;
  maxHistoryEvents: number;
  maxHistoryBytes: number;
  runs: number;
  pauses: number;
  /** To the agent. */
  messages: number;
  workerRssMbStart: number;
  workerRssMbEnd: number;
  seconds: number;
  /** What must not be (verdict.ts). */
  problems: string[];
}

/** The worker's memory counts from here on: its caches and its compiler have warmed up. */
const WARM_UP_SHARE = 0.05;
/** Herald's own default: at how many history events a run hands over. */
const HAND_OVER_AT = 2000;
const ARRIVES_WITHIN_MS = 60_000;
/** A message that comes twice would come within this time. */
const QUIET_MS = 2000;
const POLL_MS = 100;

/**
 * Lets one session of a Herald of its own live long.
 *
 * @param stopping Ends the run early; it then rejects.
 */
export async function runSoak(options: SoakOptions, say: (line: string) => void, stopping: AbortSignal): Promise<SoakReport> {
  const beganAt = Date.now();
  const tell = (line: string) => say(`${((Date.now() - beganAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const receiver = await startCountingReceiver();
  try {
    const { maxHistoryEvents } = options;
    const env = maxHistoryEvents === undefined ? {} : { HERALD_TIMINGS: JSON.stringify({ session: { maxHistoryEvents } }) };
    const herald = await spawnHerald((line) => tell(`  ${line.trim()}`), { env, signal: stopping });
    try {
      return await soak(herald);
    } finally {
      await herald.stop();
    }
  } finally {
    await receiver.close();
  }

  async function soak(herald: { url: string; apiKey: string; dataDir: string }): Promise<SoakReport> {
    const worker = readPidFile(path.join(herald.dataDir, 'run', 'worker.pid'));
    const session = await startSoakSession(herald, receiver.url);
    const { events, pauses } = options;
    const began = Date.now();
    const eventsBetweenPauses = Math.ceil(events / pauses);
    const warmUp = Math.ceil(events * WARM_UP_SHARE);
    const common = { eventsBetweenPauses, say: (line: string) => tell(`${line}; the worker has ${residentMb(worker)} MB`), stopping };
    const first = await live(session, { from: 0, to: warmUp, ...common });
    const workerRssMbStart = residentMb(worker);
    const then = await live(session, { from: first.reported, to: events, ...common });
    await session.report([{ id: 'end', type: 'ExecutionCompleted', outcome: 'success' }]);
    await session.reaches('completed');
    await allArrived(receiver, session.accepted.length, stopping);
    const seconds = Math.round((Date.now() - began) / 1000);
    const workerRssMbEnd = residentMb(worker);
    tell('Asking Temporal about the session’s runs.');
    const runs = await readRuns(`127.0.0.1:${readPorts(herald.dataDir).temporal}`, sessionWorkflowId(session.organisationId, session.id));
    const arrived = session.accepted.filter((id) => receiver.messagesFor(id) > 0).length;
    const measured = {
      events: session.accepted.length,
      lost: session.accepted.length - arrived,
      duplicateEffects: receiver.messages() - arrived,
      ...runs,
      pauses: first.pauses + then.pauses,
      messages: first.messages + then.messages,
      workerRssMbStart,
      workerRssMbEnd,
      seconds,
    };
    return { ...measured, problems: problemsOf(measured, options.maxHistoryEvents ?? HAND_OVER_AT) };
  }
}

/** Returns as well when nothing has come for long: the report tells what is missing. */
async function allArrived(receiver: CountingReceiver, count: number, stopping: AbortSignal): Promise<void> {
  let last = receiver.messages();
  let lastAt = Date.now();
  while (receiver.arrivedEvents() < count && Date.now() - lastAt < ARRIVES_WITHIN_MS) {
    await sleep(POLL_MS, undefined, { signal: stopping });
    if (receiver.messages() === last) continue;
    last = receiver.messages();
    lastAt = Date.now();
  }
  await sleep(QUIET_MS, undefined, { signal: stopping });
}
