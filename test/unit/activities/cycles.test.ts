import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createCycles } from '../../../activities/cycles.ts';

describe('cycles', () => {
  it('lets so many sessions begin, and the next when one has ended', async () => {
    const cycles = createCycles(2, 10_000);
    await cycles.begin(1, 1000);
    await cycles.begin(2, 1000);
    expect(cycles.areAllTaken).toBe(true);
    const begun: number[] = [];
    const third = cycles.begin(3, 10_000).then(() => begun.push(3));
    await sleep(20);
    expect(begun).toEqual([]);
    cycles.end(1);
    await third;
    expect(begun).toEqual([3]);
  });

  it('does not count a session twice, nor end what was not begun', async () => {
    const cycles = createCycles(1, 10_000);
    await cycles.begin(1, 1000);
    await cycles.begin(1, 1000);
    cycles.end(2);
    expect(cycles.areAllTaken).toBe(true);
    cycles.end(1);
    expect(cycles.areAllTaken).toBe(false);
  });

  it('makes nobody wait longer than they will', async () => {
    const cycles = createCycles(1, 10_000);
    await cycles.begin(1, 1000);
    const from = performance.now();
    await cycles.begin(2, 50);
    expect(performance.now() - from).toBeLessThan(2000);
    cycles.end(1);
    cycles.end(2);
    expect(cycles.areAllTaken).toBe(false);
  });

  it('lets a session that has just begun one wait while requests press, and no other', async () => {
    const cycles = createCycles(8, 10_000);
    await cycles.begin(1, 1000);
    cycles.end(1);
    cycles.note(3);
    cycles.setPressed(true);
    expect(cycles.areAllTaken).toBe(true);
    const begun: number[] = [];
    const others = [1, 3].map((key) => cycles.begin(key, 10_000).then(() => begun.push(key)));
    await cycles.begin(2, 10_000).then(() => begun.push(2));
    await sleep(50);
    expect(begun).toEqual([2]);
    cycles.setPressed(false);
    await Promise.all(others);
    expect(begun).toEqual([2, 1, 3]);
    expect(cycles.areAllTaken).toBe(false);
  });

  it('makes room for requests no longer than it is told to', async () => {
    const cycles = createCycles(1, 10_000);
    await cycles.begin(1, 1000);
    cycles.setPressed(true);
    const from = performance.now();
    // The word that requests press has to be repeated.
    await cycles.begin(1, 10_000);
    const waitedMs = performance.now() - from;
    expect(waitedMs).toBeGreaterThan(450);
    expect(waitedMs).toBeLessThan(5000);
  });

  it('gives up on a cycle that does not end', async () => {
    const cycles = createCycles(1, 50);
    await cycles.begin(1, 1000);
    await cycles.begin(2, 10_000);
    expect(cycles.areAllTaken).toBe(true);
  });
});
