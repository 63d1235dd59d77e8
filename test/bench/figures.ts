import type { LoadResult } from './driver/main.ts';
import { isCritical } from './driver/events.ts';
import type { Arrivals } from './receiver.ts';

/** What a scenario came to. Rates are per second, times in milliseconds. */
export interface Figures {
  /** Events, from the first request to the last 2xx. */
  acceptedPerSecond: number;
  /** Distinct messages, from the first request to the last arrival. */
  deliveredPerSecond: number;
  /** From the intended time of a request to its 2xx. */
  ackP50Ms: number;
  ackP99Ms: number;
  /** From the intended time of an event's request to the arrival of its message. */
  deliveryP50Ms: number;
  deliveryP99Ms: number;
  /** Accepted events whose message had not arrived when the wait was over. */
  lost: number;
  /** Events that were accepted. */
  accepted: number;
  /** Distinct messages that arrived. */
  delivered: number;
  /** Messages that arrived more than once, each time after the first. */
  duplicates: number;
  /** Requests that were not answered with a 2xx, by answer. */
  refused: Record<string, number>;
  /** From the last 2xx to the last arrival. */
  drainMs: number;
}

export interface EventShape {
  events: number;
  eventsPerRequest: number;
  criticalOneIn: number;
}

/** What a run's requests and arrivals come to. */
export function figuresOf(shape: EventShape, load: LoadResult, arrivals: Arrivals): Figures {
  const requestOf = (event: number) => Math.floor(event / shape.eventsPerRequest);
  const isAccepted = (event: number) => !Number.isNaN(load.ackedMs[requestOf(event)]);
  const arrivedMs = new Map(Array.from(arrivals.events, (event, index) => [event, arrivals.atMs[index]!]));
  const eventNumbers = Array.from({ length: shape.events }, (_, event) => event);
  const accepted = eventNumbers.filter(isAccepted);
  const expected = accepted.filter((event) => isCritical(event, shape.criticalOneIn));
  const firstMs = minimum(load.intendedMs);
  const lastAckMs = maximum(load.ackedMs.filter((at) => !Number.isNaN(at)));
  const lastArrivalMs = maximum(arrivals.atMs);
  const ack = Array.from(load.ackedMs, (at, request) => at - load.intendedMs[request]!).filter((ms) => !Number.isNaN(ms));
  const delivery = expected.filter((event) => arrivedMs.has(event)).map((event) => arrivedMs.get(event)! - load.intendedMs[requestOf(event)]!);
  const delivered = arrivals.events.length;
  return {
    acceptedPerSecond: perSecond(accepted.length, lastAckMs - firstMs),
    deliveredPerSecond: perSecond(delivered, lastArrivalMs - firstMs),
    ackP50Ms: percentile(ack, 50),
    ackP99Ms: percentile(ack, 99),
    deliveryP50Ms: percentile(delivery, 50),
    deliveryP99Ms: percentile(delivery, 99),
    lost: expected.length - delivery.length,
    accepted: accepted.length,
    delivered,
    duplicates: arrivals.requests - delivered,
    refused: load.refusals,
    drainMs: delivered === 0 ? 0 : Math.max(0, Math.round(lastArrivalMs - lastAckMs)),
  };
}

/** How many messages a run is to bring about, if all its events are accepted. */
export function expectedMessages(shape: EventShape): number {
  return Math.floor(shape.events / shape.criticalOneIn);
}

/** Nearest rank; 0 for an empty list. */
export function percentile(values: number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return round(sorted[rank - 1] ?? 0);
}

export function round(value: number): number {
  return Number(value.toFixed(value < 100 ? 1 : 0));
}

function perSecond(count: number, ms: number): number {
  return count === 0 || ms <= 0 ? 0 : round((count * 1000) / ms);
}

function minimum(values: Float64Array): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

function maximum(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}
