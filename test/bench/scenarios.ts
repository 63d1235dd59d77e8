import { type Bench, expectArrivals, measure, type MeasuredFigures } from './measure.ts';
import { criticalToolCalls, othersNotifications, toolCalls } from './setup.ts';

/** A load on 100 sessions of one agent. */
export interface Scenario {
  key: string;
  title: string;
  events: number;
  eventsPerRequest: number;
  /** Absent: as fast as 32 connections take them. */
  eventsPerSecond?: number;
  /** One in so many events matches; default: all. */
  criticalOneIn?: number;
  /** Notifications of the agent that match nothing. */
  otherNotifications?: number;
}

export const SESSIONS = 100;
const RATE_SECONDS = 30;
const NEW_SESSIONS = 2000;

export const scenarios: readonly Scenario[] = [
  { key: 'a', title: '20,000 events flat out, one a request', events: 20_000, eventsPerRequest: 1 },
  { key: 'b', title: '40,000 events flat out, 20 a request', events: 40_000, eventsPerRequest: 20 },
  { key: 'c', title: '100 events/s', events: 100 * RATE_SECONDS, eventsPerRequest: 1, eventsPerSecond: 100 },
  { key: 'd', title: '300 events/s', events: 300 * RATE_SECONDS, eventsPerRequest: 1, eventsPerSecond: 300 },
  { key: 'f', title: '100 events/s, 1,000 notifications, one matches', events: 100 * RATE_SECONDS, eventsPerRequest: 1, eventsPerSecond: 100, otherNotifications: 999 },
  { key: 'h', title: '1,000 events/s, 20 a request, one in 50 matches', events: 1000 * RATE_SECONDS, eventsPerRequest: 20, eventsPerSecond: 1000, criticalOneIn: 50 },
];

/** Runs a scenario on fresh sessions, which have had a few events before the measuring begins. */
export async function runScenario(bench: Bench, scenario: Scenario): Promise<MeasuredFigures> {
  const { key, eventsPerRequest, eventsPerSecond, criticalOneIn = 1 } = scenario;
  const group = `${bench.nonce}-${key}`;
  await createAgent(bench, group, scenario);
  await openWarmSessions(bench, group);
  const events = scaled(bench, scenario.events, eventsPerRequest * criticalOneIn);
  const shape = { events, eventsPerRequest, criticalOneIn };
  return measure(bench, group, shape, () =>
    bench.driver('load', {
      run: group,
      group,
      ...shape,
      ...(eventsPerSecond === undefined ? {} : { requestsPerSecond: eventsPerSecond / eventsPerRequest }),
    }),
  );
}

/** 2,000 sessions that are opened and report one event at once: what a session costs. */
export async function runNewSessions(bench: Bench): Promise<MeasuredFigures> {
  const group = `${bench.nonce}-e`;
  await createAgent(bench, group, {});
  const count = scaled(bench, NEW_SESSIONS, 1);
  return measure(bench, group, { events: count, eventsPerRequest: 1, criticalOneIn: 1 }, () =>
    bench.driver('newSessions', { run: group, group, count, apiKey: bench.stack.apiKey, agentName: group }),
  );
}

/** An agent of the name `group` with its notifications. */
export async function createAgent(bench: Bench, group: string, wanted: Pick<Scenario, 'criticalOneIn' | 'otherNotifications'>): Promise<void> {
  const agent = await bench.setup.createAgent(group);
  await bench.setup.bind(agent, { subscription: wanted.criticalOneIn === undefined ? toolCalls : criticalToolCalls });
  for (const other of othersNotifications(wanted.otherNotifications ?? 0)) await bench.setup.bind(agent, other);
}

const WARM_EVENTS_A_SESSION = 3;

/** Sessions of the agent `group` that have had their first messages. */
export async function openWarmSessions(bench: Bench, group: string): Promise<void> {
  const { driver, stack } = bench;
  await driver('openSessions', { group, count: SESSIONS, apiKey: stack.apiKey, agentName: group });
  const run = `${group}-warm`;
  const events = SESSIONS * WARM_EVENTS_A_SESSION;
  await driver('load', { run, group, events, eventsPerRequest: 1, requestsPerSecond: 150, criticalOneIn: 1 });
  await expectArrivals(bench, run, events);
}

/** Processes that have run for a while are what a user has: their first thousands of requests are not measured. */
export async function warmUp(bench: Bench): Promise<void> {
  const group = `${bench.nonce}-warm-up`;
  await createAgent(bench, group, {});
  await openWarmSessions(bench, group);
  const events = scaled(bench, 4000, 1);
  await bench.driver('load', { run: group, group, events, eventsPerRequest: 1, criticalOneIn: 1 });
  await expectArrivals(bench, group, events);
}

/** A share of a count, in whole multiples. */
export function scaled(bench: Pick<Bench, 'scale'>, count: number, multiple: number): number {
  return Math.max(1, Math.round((count * bench.scale) / multiple)) * multiple;
}
