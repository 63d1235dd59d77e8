import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createPressure } from '../../../api/pressure.ts';
import { until } from '../../support/engineSession.ts';

function measured(idleShare: () => number, burst?: { longestMs: number; pauseMs: number }) {
  const told: boolean[] = [];
  const pressure = createPressure((isPressing) => told.push(isPressing), idleShare, burst);
  return { told, pressure, begin: (count: number) => Array.from({ length: count }, () => pressure.begin()) };
}

describe('requests press', () => {
  it('when a dozen are being stored at a time and no processor is idle, for as long as that lasts', async () => {
    const { told, pressure, begin } = measured(() => 0);
    const stored = begin(13);
    await until(async () => told.length >= 3, 'word of it, again and again', 5000);
    expect(new Set(told)).toEqual(new Set([true]));
    for (const each of stored) each();
    await until(async () => told.at(-1) === false, 'word that it is over', 5000);
    const words = told.length;
    await sleep(250);
    expect(told).toHaveLength(words);
    pressure.stop();
  });

  it('for a while only, and again after a pause', async () => {
    const { told, pressure, begin } = measured(() => 0, { longestMs: 250, pauseMs: 500 });
    begin(20);
    await until(async () => told.at(-1) === false, 'the end of the burst', 5000);
    const ended = performance.now();
    await until(async () => told.at(-1) === true, 'the next one', 5000);
    expect(performance.now() - ended).toBeGreaterThan(450);
    pressure.stop();
  });

  it('not when only the database is slow, and not while there are few', async () => {
    const idle = measured(() => 0.5);
    const few = measured(() => 0);
    idle.begin(30);
    few.begin(11);
    await sleep(350);
    expect([idle.told, few.told]).toEqual([[], []]);
    idle.pressure.stop();
    few.pressure.stop();
  });

  it('not by a burst that is stored at once', async () => {
    const { told, pressure, begin } = measured(() => 0);
    for (let round = 0; round < 4; round += 1) {
      for (const stored of begin(60)) stored();
      await sleep(60);
    }
    expect(told).toEqual([]);
    pressure.stop();
  });
});
