import { describe, expect, it } from 'vitest';
import type { LoadResult } from '../../bench/driver/main.ts';
import { EVENT_BYTES, eventJson, eventsBody, isCritical } from '../../bench/driver/events.ts';
import { figuresOf, percentile } from '../../bench/figures.ts';
import type { Arrivals } from '../../bench/receiver.ts';

function load(intendedMs: number[], ackedMs: number[]): LoadResult {
  return { intendedMs: Float64Array.from(intendedMs), ackedMs: Float64Array.from(ackedMs), refusals: {} };
}

function arrivals(byEvent: [event: number, atMs: number][], requests = byEvent.length): Arrivals {
  return { events: Uint32Array.from(byEvent.map(([event]) => event)), atMs: Float64Array.from(byEvent.map(([, atMs]) => atMs)), requests };
}

const oneEach = { events: 2, eventsPerRequest: 1, criticalOneIn: 1 };

describe('the figures of the bench', () => {
  it('count rates from the first request to the last 2xx and to the last arrival', () => {
    const figures = figuresOf(oneEach, load([1000, 1100], [1050, 1500]), arrivals([[1, 2000], [0, 1200]]));
    expect(figures).toMatchObject({ acceptedPerSecond: 4, deliveredPerSecond: 2, drainMs: 500, lost: 0 });
  });

  it('measure latencies from the intended time of the request, however late it was sent', () => {
    const figures = figuresOf(oneEach, load([1000, 1010], [1300, 1300]), arrivals([[0, 1310], [1, 1320]]));
    expect(figures).toMatchObject({ ackP50Ms: 290, ackP99Ms: 300, deliveryP50Ms: 310, deliveryP99Ms: 310 });
  });

  it('call an accepted event lost whose message did not arrive, and a refused one not', () => {
    const figures = figuresOf({ ...oneEach, events: 3 }, load([0, 0, 0], [10, 10, Number.NaN]), arrivals([[0, 20]]));
    expect(figures).toMatchObject({ accepted: 2, delivered: 1, lost: 1 });
  });

  it('expect messages only of the events that match', () => {
    const shape = { events: 100, eventsPerRequest: 20, criticalOneIn: 50 };
    const figures = figuresOf(shape, load([0, 1, 2, 3, 4], [9, 9, 9, 9, 9]), arrivals([[49, 12], [99, 14]]));
    expect(figures).toMatchObject({ accepted: 100, delivered: 2, lost: 0, deliveryP50Ms: 10 });
  });

  it('count a message that came twice as one delivery and one duplicate', () => {
    const figures = figuresOf(oneEach, load([0, 0], [5, 5]), arrivals([[0, 20], [1, 20]], 3));
    expect(figures).toMatchObject({ delivered: 2, duplicates: 1 });
  });

  it('come without an answer too: nothing was accepted, nothing is lost', () => {
    const figures = figuresOf(oneEach, load([0, 0], [Number.NaN, Number.NaN]), arrivals([]));
    expect(figures).toMatchObject({ acceptedPerSecond: 0, deliveredPerSecond: 0, accepted: 0, lost: 0, ackP50Ms: 0 });
  });

  it('take percentiles by the nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect([percentile(values, 50), percentile(values, 99), percentile([7], 99)]).toEqual([100, 198, 7]);
  });
});

describe('the events of the bench', () => {
  it('have the size that is announced', () => {
    expect(Buffer.byteLength(eventJson('bench-0123abcd-a', 19_999, true))).toBe(EVENT_BYTES);
  });

  it('match one in so many', () => {
    const body = JSON.parse(eventsBody('run', 40, 20, 50)) as { events: { id: string; severity: string }[] };
    expect(body.events.filter((event) => event.severity === 'critical').map((event) => event.id)).toEqual(['run.49']);
    expect(isCritical(0, 1)).toBe(true);
  });
});
