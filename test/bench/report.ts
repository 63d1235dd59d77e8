import type { GrowthFigures } from './growth.ts';
import type { Machine } from './machine.ts';
import type { MeasuredFigures } from './measure.ts';
import type { NaiveFigures } from './naive/run.ts';
import { judge, type Verdict } from './targets.ts';

/** Everything the bench has found out. Rates are per second, memory in MiB. */
export interface Report {
  machine: Machine;
  /** Below 1 the scenarios were shortened, and the figures are for trying the bench out. */
  scale: number;
  scenarios: Record<string, MeasuredFigures | GrowthFigures>;
  naive: NaiveFigures | null;
  /** Scenario a against the naive loop; null when either was left out. */
  ratio: { accepted: number; delivered: number } | null;
  /** By moment and part. */
  memory: Record<string, Record<string, number>>;
  targets: Verdict[];
}

/** Puts together what was measured, and holds it against the targets. */
export function reportOf(measured: Omit<Report, 'ratio' | 'targets'>): Report {
  const { scenarios, naive } = measured;
  const ratio =
    scenarios.a && naive
      ? {
          accepted: quotient(scenarios.a.acceptedPerSecond, naive.acceptedPerSecond),
          delivered: quotient(scenarios.a.deliveredPerSecond, naive.deliveredPerSecond),
        }
      : null;
  return { ...measured, ratio, targets: judge({ scenarios, ratio }) };
}

function quotient(a: number, b: number): number {
  return b === 0 ? 0 : Number((a / b).toFixed(1));
}
