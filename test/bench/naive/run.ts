import { startChild } from '../children.ts';
import type { Cleanup } from '../cleanup.ts';
import { type Bench, expectArrivals, measure, type MeasuredFigures } from '../measure.ts';
import { commandsOf } from '../remote.ts';
import { scaled, SESSIONS } from '../scenarios.ts';
import type { NaiveCommands } from './api.ts';

export interface NaiveFigures extends MeasuredFigures {
  /** Of 100 events/s; the other figures are of events sent flat out. */
  deliveryP50Ms: number;
}

const EVENTS = 4000;
const RATE = 100;
const RATE_SECONDS = 15;

/** The yardstick: one signalWithStart an event, one activity a notification, on the same Temporal server. */
export async function runNaive(bench: Bench, options: { receiverUrl: string; temporalAddress: string; cleanup: Cleanup }): Promise<NaiveFigures> {
  const { driver, stack } = bench;
  const env = { BENCH_RECEIVER_URL: options.receiverUrl, BENCH_TEMPORAL_ADDRESS: options.temporalAddress };
  const start = async (part: 'api' | 'worker') => {
    const child = await startChild({ name: `naive-${part}`, script: `test/bench/naive/${part}.ts`, env, folder: stack.folder });
    options.cleanup.add(() => child.stop());
    return child;
  };
  const [api, worker] = await Promise.all([start('api'), start('worker')]);
  const naive = commandsOf<NaiveCommands>(api.process, 'The naive API');
  const port = await naive('listen', undefined);
  const group = `${bench.nonce}-naive`;
  const sessions = Array.from({ length: SESSIONS }, (_, index) => `${group}-${index}`);
  await driver('namePaths', { group, paths: sessions.map((id) => `/${id}`) });
  await driver('connect', { origin: `http://127.0.0.1:${port}`, connections: 32 });

  const load = (run: string, events: number, requestsPerSecond?: number) =>
    measure({ ...bench, stack: { ...stack, pids: { ...stack.pids, naiveApi: api.pid, naiveWorker: worker.pid } } }, run, shapeOf(events), () =>
      driver('load', { run, group, ...shapeOf(events), ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }) }),
    );
  const warm = `${group}-warm`;
  await driver('load', { run: warm, group, ...shapeOf(3 * SESSIONS), requestsPerSecond: 60 });
  await expectArrivals(bench, warm, 3 * SESSIONS);
  const steady = await load(`${group}-steady`, scaled(bench, RATE * RATE_SECONDS, 1), RATE);
  const flatOut = await load(group, scaled(bench, EVENTS, 1));
  await naive('terminate', sessions);
  await Promise.all([api.stop(), worker.stop()]);
  await driver('connect', { origin: stack.apiUrl, connections: 32 });
  return { ...flatOut, deliveryP50Ms: steady.deliveryP50Ms, deliveryP99Ms: steady.deliveryP99Ms };
}

function shapeOf(events: number) {
  return { events, eventsPerRequest: 1, criticalOneIn: 1 };
}
