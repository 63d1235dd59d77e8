import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costOf, newEventsOf, readEvents } from '../../../api/agentops/events.ts';
import { defaultPrices } from '../../../model/pricing.ts';
import type { Json, JsonObject } from '../../../model/types.ts';

const NOW = '2026-01-01T00:00:00.000Z';
const limits = { eventsPerRequest: 10, eventBytes: 1_000_000 };
const idsOf = (events: JsonObject[], sessionId = 's') => newEventsOf(events, sessionId, defaultPrices, NOW).map((event) => event.id);

describe('an event without an id', () => {
  const dated = { type: 'llm', init_timestamp: '2026-01-01T00:00:00Z', prompt: 'hi' };

  it('has the same id whenever it is sent again, in its session', () => {
    expect(idsOf([dated])).toEqual(idsOf([{ ...dated }]));
    expect(idsOf([dated])).not.toEqual(idsOf([dated], 'other session'));
    expect(idsOf([dated])).not.toEqual(idsOf([{ ...dated, prompt: 'ho' }]));
  });

  it('differs from an equal one of its request, by their order', () => {
    const [first, second, third] = idsOf([dated, dated, dated]);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(idsOf([dated])).toEqual([first]);
  });

  it('is a new one each time, if it does not say when it happened', () => {
    expect(idsOf([{ type: 'llm' }])).not.toEqual(idsOf([{ type: 'llm' }]));
  });
});

describe('the time of an event', () => {
  it.each<[JsonObject, string]>([
    [{ init_timestamp: '2025-06-01T12:00:00+02:00' }, '2025-06-01T10:00:00.000Z'],
    [{ timestamp: '2025-06-01T12:00:00' }, '2025-06-01T12:00:00.000Z'],
    [{ init_timestamp: 'soon', timestamp: '2025-06-01' }, '2025-06-01T00:00:00.000Z'],
    [{ init_timestamp: 'soon' }, NOW],
    [{}, NOW],
  ])('of %j is %s', (event, time) => {
    expect(newEventsOf([{ type: 'llm', ...event }], 's', defaultPrices, NOW)[0]?.occurredAt).toBe(time);
  });
});

describe('a status event', () => {
  const effectsOf = (event: JsonObject) => newEventsOf([event], 's', defaultPrices, NOW)[0]?.effects;

  it('that says when it happened may be compared with the same reporter\'s others', () => {
    expect(effectsOf({ type: 'EXECUTION_PAUSED', timestamp: '2026-01-01T00:00:05Z' })).toEqual({ datedByReporter: true });
  });

  it('that does not counts by its arrival', () => {
    expect(effectsOf({ type: 'ExecutionPaused', timestamp: 'just now' })).toBeUndefined();
    expect(effectsOf({ type: 'llm', timestamp: '2026-01-01T00:00:05Z' })).toBeUndefined();
  });
});

describe('the cost of an event', () => {
  it.each<[JsonObject, number | undefined]>([
    [{ model: 'gpt-4', prompt_tokens: 1000, completion_tokens: 500 }, 0.06],
    [{ model: 'gpt-4', prompt_tokens: '1000' }, 0.03],
    [{ model: 'gpt-4' }, undefined],
    [{ model: 'unheard of', prompt_tokens: 1000 }, 0],
    [{ prompt_tokens: 1000 }, 0],
    [{ model: 'gpt-4', prompt_tokens: -5, completion_tokens: 'many' }, 0],
    [{ model: 'gpt-4', prompt_tokens: 1e300 }, 0],
    [{ model: 'gpt-4', prompt_tokens: { toString: 1, valueOf: 1 } }, 0],
  ])('%j is %s dollars', (event, dollars) => {
    expect(costOf(event, defaultPrices)).toBe(dollars);
  });
});

describe('any event', () => {
  it('is either refused with a 4xx or becomes one that can be stored', () => {
    const field = fc.constantFrom('id', 'event_id', 'type', 'event_type', 'agent_id', 'session_id', 'timestamp', 'error', 'model', 'prompt_tokens', '__proto__', 'toString');
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('llm', 'tools', 'errors', 'ExecutionFailed', 's', 'a\u0000b', '\ud800', null));
    fc.assert(
      fc.property(fc.array(fc.dictionary(field, value)), (events) => {
        const body = JSON.parse(JSON.stringify({ events })) as Json;
        const stored = storedOrStatus(body);
        if (!Array.isArray(stored)) expect([400, 403, 413]).toContain(stored);
        for (const event of Array.isArray(stored) ? stored : []) {
          expect(event.id).toMatch(/^[^\0]{1,262}$/s);
          expect(event.type).toMatch(/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/);
          expect(new Date(event.occurredAt).toISOString()).toBe(event.occurredAt);
          expect(event.agentRef ?? '').not.toContain('\0');
        }
      }),
    );
  });
});

function storedOrStatus(body: Json) {
  try {
    return newEventsOf(readEvents(body, 's', limits), 's', defaultPrices, NOW);
  } catch (error) {
    return (error as { status: number }).status;
  }
}
