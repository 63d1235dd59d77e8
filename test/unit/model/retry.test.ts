import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxRetryAfterMs, nextRetryDelayMs, retrySchedule } from '../../../model/retry.ts';

const second = 1_000;
const hour = 3_600 * second;

describe('the retry schedule', () => {
  it('is at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h: 27.6 hours in all', () => {
    const delays = retrySchedule.map((_, made) => nextRetryDelayMs(made, { random: 0.5 }));
    expect(delays).toEqual([0, 5 * second, 300 * second, 1800 * second, 2 * hour, 5 * hour, 10 * hour, 10 * hour]);
    expect(retrySchedule.reduce((sum, delay) => sum + delay, 0) / hour).toBeCloseTo(27.6, 1);
  });

  it('is exhausted after eight attempts, whatever the destination asks for', () => {
    expect(nextRetryDelayMs(8, { random: 0.5 })).toBeNull();
    expect(nextRetryDelayMs(99, { random: 0.5, retryAfterMs: 1000 })).toBeNull();
    expect(nextRetryDelayMs(2, { random: 0.5, schedule: [0, 10] })).toBeNull();
  });

  it('spreads each delay by at most 20 %', () => {
    expect(nextRetryDelayMs(1, { random: 0 })).toBe(4 * second);
    expect(nextRetryDelayMs(1, { random: 1 })).toBe(6 * second);
    fc.assert(
      fc.property(fc.nat(7), fc.double({ min: 0, max: 1, noNaN: true }), (made, random) => {
        const delay = nextRetryDelayMs(made, { random })!;
        expect(Math.abs(delay - retrySchedule[made]!)).toBeLessThanOrEqual(0.2 * retrySchedule[made]! + 1);
        expect(Number.isInteger(delay)).toBe(true);
      }),
    );
  });

  it('waits as long as Retry-After says, never shorter than its own schedule, never longer than ten hours', () => {
    expect(nextRetryDelayMs(1, { random: 0.5, retryAfterMs: 60 * second })).toBe(60 * second);
    expect(nextRetryDelayMs(2, { random: 0.5, retryAfterMs: 1 * second })).toBe(300 * second);
    expect(nextRetryDelayMs(1, { random: 0.5, retryAfterMs: 1000 * hour })).toBe(maxRetryAfterMs);
    expect(nextRetryDelayMs(1, { random: 0.5, retryAfterMs: -5 })).toBe(5 * second);
  });
});
