import { describe, expect, it } from 'vitest';
import { type Pace, type PlannedFault, planRun } from '../../chaos/faults.ts';
import { parts } from '../../chaos/herald.ts';
import { createRandom } from '../../chaos/random.ts';

const pace: Pace = { freezeMs: { api: 1, worker: 2, temporal: 3, postgres: 4 }, pauseMs: [10, 20], withAll: true };

function plan(seed: number, changes: Partial<Pace> = {}, only: readonly (typeof parts)[number][] = parts): PlannedFault[] {
  const planned = planRun(seed, only, { ...pace, ...changes });
  return Array.from({ length: 200 }, () => planned.next().value);
}

describe('the plan of a chaos run', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(plan(7)).toEqual(plan(7));
    expect(plan(8)).not.toEqual(plan(7));
  });

  it('kills every part several times: alone, in pairs, while it starts and all at once, and freezes each', () => {
    const faults = plan(7).map(({ fault }) => fault);
    for (const part of parts) {
      expect(faults.filter(({ kind, ...fault }) => kind === 'kill' && 'parts' in fault && fault.parts.length === 1 && fault.parts[0] === part).length, `${part} alone`).toBeGreaterThan(5);
      expect(faults.filter((fault) => fault.kind === 'kill' && fault.parts.length === 2 && fault.parts.includes(part)).length, `${part} with another`).toBeGreaterThan(5);
      expect(faults.filter((fault) => fault.kind === 'killInStart' && fault.part === part).length, `${part} in its start`).toBeGreaterThan(3);
      expect(faults.filter((fault) => fault.kind === 'freeze' && fault.part === part && fault.ms === pace.freezeMs[part]).length, `${part} frozen`).toBeGreaterThan(5);
    }
    expect(faults.filter(({ kind }) => kind === 'killAll').length).toBeGreaterThan(5);
  });

  it('keeps to its pace, and to the parts it may break', () => {
    const planned = plan(7, { withAll: false }, ['api', 'worker']);
    expect(new Set(planned.flatMap(({ fault }) => (fault.kind === 'kill' ? fault.parts : [fault.part])))).toEqual(new Set(['api', 'worker']));
    expect(planned.filter(({ fault }) => fault.kind === 'killAll')).toEqual([]);
    const pauses = planned.map(({ pauseMs }) => pauseMs);
    expect([Math.min(...pauses), Math.max(...pauses)]).toEqual([10, 20]);
    const mended = planned.filter((each) => each.mended).length;
    expect(mended).toBeGreaterThan(100);
    expect(mended).toBeLessThan(180);
  });
});

describe('chance', () => {
  it('comes out the same for a seed in every version of the run: a printed seed stays worth something', () => {
    const random = createRandom(42);
    expect([random.next(), random.next(), random.next()]).toEqual([0.6011037519201636, 0.44829055899754167, 0.8524657934904099]);
  });

  it('has both ends of a range, and loses nothing of a list', () => {
    const random = createRandom(1);
    const numbers = Array.from({ length: 500 }, () => random.int(3, 6));
    expect(new Set(numbers)).toEqual(new Set([3, 4, 5, 6]));
    const list = [1, 2, 3, 4, 5, 6, 7, 8];
    const shuffled = random.shuffle(list);
    expect(shuffled).not.toEqual(list);
    expect(shuffled.toSorted((a, b) => a - b)).toEqual(list);
    expect([random.chance(0), random.chance(1)]).toEqual([false, true]);
  });
});
