import { describe, expect, it } from 'vitest';
import type { LoadResult } from '../../bench/driver/main.ts';
import { figuresOf } from '../../bench/figures.ts';
import type { GrowthFigures, GrowthStep } from '../../bench/growth.ts';
import type { MeasuredFigures } from '../../bench/measure.ts';
import type { Arrivals } from '../../bench/receiver.ts';
import { type Report, reportOf } from '../../bench/report.ts';
import { judge } from '../../bench/targets.ts';

function figures(changes: Partial<MeasuredFigures> = {}): MeasuredFigures {
  return {
    acceptedPerSecond: 8000,
    deliveredPerSecond: 3000,
    ackP50Ms: 3,
    ackP99Ms: 20,
    deliveryP50Ms: 10,
    deliveryP99Ms: 40,
    lost: 0,
    accepted: 100,
    delivered: 100,
    duplicates: 0,
    refused: {},
    drainMs: 100,
    cpuMsPerEvent: {},
    ...changes,
  };
}

function step(changes: Partial<GrowthStep> = {}): GrowthStep {
  const memory = { worker: 200, api: 100 };
  return { sessions: 1000, openedPerSecond: 100, memory, deliveryP50Ms: 10, deliveryP99Ms: 40, idleDeliveryP50Ms: 20, idleDeliveryP99Ms: 80, lost: 0, ...changes };
}

function report(measured: Pick<Report, 'scenarios' | 'naive'>): Report {
  const machine = { cores: 2, cpu: 'test', memoryGiB: 8, system: 'test', node: 'test', commit: 'test', loadBefore: 0, coreSpeed: { before: 1, after: 1 }, at: '' };
  return reportOf({ machine, scale: 1, memory: {}, ...measured });
}

/** `scenario figure: met`, of the targets that are about `scenario`. */
function verdicts(measured: Parameters<typeof judge>[0], scenario: string): Record<string, boolean> {
  return Object.fromEntries(judge(measured).flatMap((verdict) => (verdict.scenario === scenario ? [[verdict.figure, verdict.met]] : [])));
}

describe('the report of the bench', () => {
  it('compares scenario a with the naive loop, to a tenth', () => {
    const naive = figures({ acceptedPerSecond: 700, deliveredPerSecond: 400 });
    expect(report({ scenarios: { a: figures() }, naive }).ratio).toEqual({ accepted: 11.4, delivered: 7.5 });
  });

  it('has no ratio, and no targets for one, when scenario a or the naive loop was left out', () => {
    const reports = [report({ scenarios: { a: figures() }, naive: null }), report({ scenarios: { c: figures() }, naive: figures() })];
    for (const { ratio, targets } of reports) {
      expect(ratio).toBeNull();
      expect(targets.filter(({ scenario }) => scenario === 'ratio')).toEqual([]);
    }
  });

  it('has the ratio 0 when the naive loop has done nothing', () => {
    const naive = figures({ acceptedPerSecond: 0, deliveredPerSecond: 0 });
    expect(report({ scenarios: { a: figures() }, naive }).ratio).toEqual({ accepted: 0, delivered: 0 });
  });

  it('keeps what was measured as it is', () => {
    const scenarios = { a: figures() };
    expect(report({ scenarios, naive: null })).toMatchObject({ scenarios, naive: null, scale: 1, memory: {} });
  });
});

describe('the report as JSON', () => {
  /** With figures that were measured, not made up. */
  const measured = (): MeasuredFigures => {
    const load: LoadResult = { intendedMs: Float64Array.of(0, 10), ackedMs: Float64Array.of(2, 12), refusals: {} };
    const arrivals: Arrivals = { events: Uint32Array.of(0, 1), atMs: Float64Array.of(20, 30), requests: 2 };
    return { ...figuresOf({ events: 2, eventsPerRequest: 1, criticalOneIn: 1 }, load, arrivals), cpuMsPerEvent: {} };
  };
  const asJson = () => JSON.parse(JSON.stringify(report({ scenarios: { a: measured() }, naive: measured() }))) as Report;

  it('has the figures that are promised, by their names, as numbers', () => {
    const { scenarios, naive, ratio, memory } = asJson();
    const number = expect.any(Number) as number;
    expect(scenarios.a).toMatchObject({ acceptedPerSecond: number, deliveredPerSecond: number, ackP50Ms: number, ackP99Ms: number, deliveryP50Ms: number, deliveryP99Ms: number, lost: number });
    expect(naive).toMatchObject({ acceptedPerSecond: number, deliveredPerSecond: number, deliveryP50Ms: number });
    expect(ratio).toEqual({ accepted: number, delivered: number });
    expect(memory).toEqual({});
  });

  it('has beside them what explains them, and nothing else', () => {
    const json = asJson();
    expect(Object.keys(json).toSorted()).toEqual(['machine', 'memory', 'naive', 'ratio', 'scale', 'scenarios', 'targets']);
    expect(Object.keys(json.scenarios.a!).toSorted()).toEqual(
      ['acceptedPerSecond', 'deliveredPerSecond', 'ackP50Ms', 'ackP99Ms', 'deliveryP50Ms', 'deliveryP99Ms', 'lost', 'accepted', 'delivered', 'duplicates', 'refused', 'drainMs', 'cpuMsPerEvent'].toSorted(),
    );
  });
});

describe('the targets', () => {
  it('are met by what reaches them, and missed by what does not', () => {
    const met = { scenarios: { a: figures({ acceptedPerSecond: 6000, deliveredPerSecond: 2000 }) }, ratio: null };
    expect(verdicts(met, 'a')).toEqual({ accepted: true, delivered: true, lost: true });
    const missed = { scenarios: { a: figures({ acceptedPerSecond: 5999, deliveredPerSecond: 1999, lost: 1 }) }, ratio: null };
    expect(verdicts(missed, 'a')).toEqual({ accepted: false, delivered: false, lost: false });
  });

  it('hold latencies from above', () => {
    expect(verdicts({ scenarios: { c: figures({ deliveryP50Ms: 12, deliveryP99Ms: 55 }) }, ratio: null }, 'c')).toEqual({
      'delivery p50': true,
      'delivery p99': false,
      lost: true,
    });
  });

  it('are none for what was not measured', () => {
    expect(judge({ scenarios: {}, ratio: null })).toEqual([]);
    expect(verdicts({ scenarios: { f: figures() }, ratio: null }, 'f')).toEqual({ lost: true });
  });

  it('ask a thousand notifications to be as quick as one, with a fifth to spare', () => {
    const c = figures({ deliveryP50Ms: 10, deliveryP99Ms: 40 });
    const f = figures({ deliveryP50Ms: 12, deliveryP99Ms: 49 });
    expect(verdicts({ scenarios: { c, f }, ratio: null }, 'f')).toEqual({ lost: true, 'delivery p50, as (c)': true, 'delivery p99, as (c)': false });
  });

  it('ask more idle sessions to cost nothing from the second step on', () => {
    const large = step({ sessions: 10_000, memory: { worker: 241, api: 100 } });
    const g: GrowthFigures = { ...figures(), steps: [step(), step({ sessions: 2000 }), large] };
    expect(Object.values(verdicts({ scenarios: { g }, ratio: null }, 'g'))).toEqual([true, false, true, true, true]);
    expect(verdicts({ scenarios: { g: { ...g, steps: [step(), step()] } }, ratio: null }, 'g')).toEqual({ lost: true });
  });

  it('ask Herald to be several times as quick as the naive loop', () => {
    expect(verdicts({ scenarios: {}, ratio: { accepted: 8, delivered: 5.9 } }, 'ratio')).toEqual({ accepted: true, delivered: false });
  });
});
