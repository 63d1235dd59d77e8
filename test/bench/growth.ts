import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from './clock.ts';
import { type Bench, measure, type MeasuredFigures, settle } from './measure.ts';
import { createAgent, openWarmSessions, scaled, SESSIONS } from './scenarios.ts';
import { memoryOf } from './usage.ts';

/** The cost of open sessions that are idle. */
export interface GrowthStep {
  sessions: number;
  /** Sessions opened a second, until the workflow of each runs. */
  openedPerSecond: number;
  /** MiB by part. */
  memory: Record<string, number>;
  /** Messages of 100 sessions that are in use, at 100 events/s. */
  deliveryP50Ms: number;
  deliveryP99Ms: number;
  /** The next message of sessions that have been idle since they were opened, at 20 events/s. */
  idleDeliveryP50Ms: number;
  idleDeliveryP99Ms: number;
  lost: number;
}

export interface GrowthFigures extends MeasuredFigures {
  steps: GrowthStep[];
}

const STEPS = [1000, 2000, 10_000];
const FULL_STEPS = [...STEPS, 50_000];
const RATE = 100;
const IDLE_RATE = 20;
const SECONDS = 10;
/** Garbage of the opening is collected meanwhile, or counts. */
const REST_MS = 5000;

/** Opens more and more sessions and measures after each step. The figures are those of the last step's busy sessions. */
export async function runGrowth(bench: Bench, options: { full: boolean }): Promise<GrowthFigures> {
  const idle = `${bench.nonce}-g`;
  const active = `${idle}-active`;
  await createAgent(bench, idle, {});
  await createAgent(bench, active, {});
  const steps: GrowthStep[] = [];
  let open = 0;
  let idleUsed = 0;
  let last: MeasuredFigures | undefined;
  for (const step of options.full ? FULL_STEPS : STEPS) {
    const sessions = scaled(bench, step, SESSIONS);
    const openedPerSecond = await openIdleSessions(bench, idle, sessions - open);
    open = sessions;
    await sleep(REST_MS * bench.scale);
    const memory = memoryOf(bench.stack.pids);
    if (steps.length === 0) await openWarmSessions(bench, active);
    last = await measureRate(bench, RATE, { run: `${active}-${step}`, group: active, events: scaled(bench, RATE * SECONDS, 1) });
    const count = scaled(bench, IDLE_RATE * SECONDS, 1);
    const woken = await measureRate(bench, IDLE_RATE, { run: `${idle}-${step}`, group: idle, events: count, from: idleUsed, to: idleUsed + count });
    idleUsed += count;
    steps.push({
      sessions,
      openedPerSecond,
      memory,
      deliveryP50Ms: last.deliveryP50Ms,
      deliveryP99Ms: last.deliveryP99Ms,
      idleDeliveryP50Ms: woken.deliveryP50Ms,
      idleDeliveryP99Ms: woken.deliveryP99Ms,
      lost: last.lost + woken.lost,
    });
    bench.progress(`  ${sessions} sessions: ${JSON.stringify(steps.at(-1))}`);
  }
  return { ...last!, steps };
}

async function openIdleSessions(bench: Bench, group: string, count: number): Promise<number> {
  const startedAt = clockMs();
  await bench.driver('openSessions', { group, count, apiKey: bench.stack.apiKey, agentName: group });
  await settle(bench);
  return Math.round((count * 1000) / (clockMs() - startedAt));
}

function measureRate(
  bench: Bench,
  rate: number,
  load: { run: string; group: string; events: number; from?: number; to?: number },
): Promise<MeasuredFigures> {
  const plan = { ...load, eventsPerRequest: 1, criticalOneIn: 1 };
  return measure(bench, plan.run, plan, () => bench.driver('load', { ...plan, requestsPerSecond: rate }));
}
