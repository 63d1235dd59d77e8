import type { GrowthFigures, GrowthStep } from './growth.ts';
import type { MeasuredFigures } from './measure.ts';

/** A figure beside what it is to be. */
export interface Verdict {
  scenario: string;
  figure: string;
  value: number;
  /** `≥` or `≤`. */
  comparison: string;
  target: number;
  unit: string;
  met: boolean;
}

interface Measured {
  scenarios: Record<string, MeasuredFigures | GrowthFigures>;
  ratio: { accepted: number; delivered: number } | null;
}

interface Target {
  figure: keyof MeasuredFigures;
  name: string;
  comparison: '≥' | '≤';
  target: number;
  unit: string;
}

const rate = (figure: keyof MeasuredFigures, name: string, target: number): Target => ({ figure, name, comparison: '≥', target, unit: '/s' });
const time = (figure: keyof MeasuredFigures, name: string, target: number): Target => ({ figure, name, comparison: '≤', target, unit: 'ms' });
const p50 = (target: number) => time('deliveryP50Ms', 'delivery p50', target);
const p99 = (target: number) => time('deliveryP99Ms', 'delivery p99', target);
const nothingLost: Target = { figure: 'lost', name: 'lost', comparison: '≤', target: 0, unit: '' };

/** For a machine with 2 cores that everything shares, the bench included. */
const targets: Record<string, Target[]> = {
  a: [rate('acceptedPerSecond', 'accepted', 6000), rate('deliveredPerSecond', 'delivered', 2000), nothingLost],
  b: [rate('acceptedPerSecond', 'accepted', 40_000), nothingLost],
  c: [p50(12), p99(54), nothingLost],
  d: [p50(300), time('drainMs', 'backlog gone after', 2000), nothingLost],
  e: [rate('deliveredPerSecond', 'delivered', 120), nothingLost],
  f: [nothingLost],
  h: [p50(15), p99(100), nothingLost],
  g: [nothingLost],
};

/** What may be added and still count as the same. */
const TOLERANCE = 1.2;

export function judge({ scenarios, ratio }: Measured): Verdict[] {
  const { c, f, g } = scenarios;
  return [
    ...Object.entries(targets).flatMap(([scenario, list]) => {
      const figures = scenarios[scenario];
      return figures ? list.map(({ figure, name, ...target }) => verdict(scenario, name, Number(figures[figure]), target)) : [];
    }),
    ...(c && f ? likeC(c, f) : []),
    ...(g && 'steps' in g ? flat(g.steps) : []),
    ...(ratio
      ? [
          verdict('ratio', 'accepted', ratio.accepted, { comparison: '≥', target: 8, unit: '×' }),
          verdict('ratio', 'delivered', ratio.delivered, { comparison: '≥', target: 6, unit: '×' }),
        ]
      : []),
  ];
}

/** A thousand notifications cost little more than one. */
function likeC(c: MeasuredFigures, f: MeasuredFigures): Verdict[] {
  return [noMore('f', 'delivery p50, as (c)', f.deliveryP50Ms, c.deliveryP50Ms, 'ms'), noMore('f', 'delivery p99, as (c)', f.deliveryP99Ms, c.deliveryP99Ms, 'ms')];
}

/** Beyond the worker's cache (1,000 sessions) more idle sessions cost nothing: the last step against the second. */
function flat(steps: GrowthStep[]): Verdict[] {
  const [, first] = steps;
  const last = steps.at(-1);
  if (!first || !last || last === first) return [];
  const as = `as at ${first.sessions.toLocaleString('en')} sessions`;
  return [
    noMore('g', `memory of the worker, ${as}`, last.memory.worker ?? 0, first.memory.worker ?? 0, 'MiB'),
    noMore('g', `memory of the API, ${as}`, last.memory.api ?? 0, first.memory.api ?? 0, 'MiB'),
    noMore('g', `delivery p50, ${as}`, last.deliveryP50Ms, first.deliveryP50Ms, 'ms'),
    noMore('g', `delivery p50 after idling, ${as}`, last.idleDeliveryP50Ms, first.idleDeliveryP50Ms, 'ms'),
  ];
}

function noMore(scenario: string, figure: string, value: number, reference: number, unit: string): Verdict {
  return verdict(scenario, figure, value, { comparison: '≤', target: Number((reference * TOLERANCE).toFixed(1)), unit });
}

function verdict(scenario: string, figure: string, value: number, { comparison, target, unit }: Pick<Target, 'comparison' | 'target' | 'unit'>): Verdict {
  return { scenario, figure, value, comparison, target, unit, met: comparison === '≥' ? value >= target : value <= target };
}
