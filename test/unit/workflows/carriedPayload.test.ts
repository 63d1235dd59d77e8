import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { carryPayload, MAX_CARRIED_PAYLOAD, MAX_CARRIED_STRING } from '../../../model/cut.ts';
import { filterOperators, matchesFilter } from '../../../model/filters.ts';
import type { Json, JsonObject } from '../../../model/types.ts';

const long = (end: string) => `${'x'.repeat(MAX_CARRIED_STRING)}${end}`;

const text = fc.oneof({ weight: 4, arbitrary: fc.string() }, { weight: 2, arbitrary: fc.string({ maxLength: 5 }).map(long) });
const keys = fc.constantFrom('log', 'Log', 'detail', 'a.b', '', 'a', 'b', '0', '__proto__');
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.integer(),
    fc.constant(null),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(keys, tie('json'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));
const payloads = fc.dictionary(keys, json, { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<JsonObject>;

describe('the payload that a workflow carries', () => {
  it('is the payload itself when that is short', () => {
    const payload = { reason: 'Payment gateway timeout' };
    expect(carryPayload(payload, JSON.stringify(payload).length)).toEqual({ payload, cut: [] });
  });

  it('lacks the far end of long strings and says so', () => {
    const { payload, cut } = carryPayload({ result: { log: long('the end'), lines: ['short', long('!')] }, outcome: 'failure' });
    expect(cut).toEqual(['result.log', 'result.lines.1']);
    expect(payload).toMatchObject({ outcome: 'failure', result: { lines: ['short', expect.any(String)] } });
  });

  it('stays small however many fields there are', () => {
    const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`field ${index}`, 'some value']));
    const large = { list: Array.from({ length: 9000 }, (_, index) => index), outcome: 'failure' };
    expect(JSON.stringify(carryPayload(wide).payload).length).toBeLessThan(2 * MAX_CARRIED_PAYLOAD);
    expect(carryPayload(large)).toEqual({ payload: { outcome: 'failure' }, cut: ['list'] });
  });

  it('equals the payload everywhere but at the paths it names', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const carried = carryPayload(payload);
        const differing = differences(payload, carried.payload, []);
        for (const path of differing) expect(isNamed(path, carried.cut), `${JSON.stringify(path)} in ${JSON.stringify(carried.cut)}`).toBe(true);
      }),
    );
  });

  it('makes no filter answer differently from the whole payload', () => {
    const filters = fc.record({
      field: fc.array(keys, { minLength: 1, maxLength: 3 }).map((path) => path.join('.')),
      operator: fc.constantFrom(...filterOperators),
      value: fc.oneof(fc.constantFrom('x', '', 'the end', 1, '1'), text),
    });
    fc.assert(
      fc.property(payloads, filters, (payload, filter) => {
        const carried = carryPayload(payload);
        const answer = matchesFilter(filter, carried.payload, carried.cut);
        if (answer !== 'unknown') expect(answer).toBe(matchesFilter(filter, payload));
      }),
      { numRuns: 500 },
    );
  });

  it('makes no filter unsure about a field that is not cut', () => {
    const { payload, cut } = carryPayload({ log: long('!'), outcome: 'failure' });
    expect(matchesFilter({ field: 'outcome', operator: 'equals', value: 'failure' }, payload, cut)).toBe(true);
    expect(matchesFilter({ field: 'Log', operator: 'ends_with', value: '!' }, payload, cut)).toBe('unknown');
  });
});

/** Paths at which two values differ. */
function differences(whole: Json | undefined, part: Json | undefined, path: string[]): string[][] {
  if (Object.is(whole, part)) return [];
  if (isContainer(whole) && isContainer(part) && Array.isArray(whole) === Array.isArray(part)) {
    const names = new Set([...Object.keys(whole), ...Object.keys(part)]);
    return [...names].flatMap((name) => differences(own(whole, name), own(part, name), [...path, name]));
  }
  return [path];
}

function isContainer(value: Json | undefined): value is Json[] | JsonObject {
  return typeof value === 'object' && value !== null;
}

function own(container: Json[] | JsonObject, name: string): Json | undefined {
  return Object.hasOwn(container, name) ? (container as JsonObject)[name] : undefined;
}

/** A path is named when itself or something it lies in is. */
function isNamed(path: string[], cut: string[]): boolean {
  return cut.includes('') || path.some((_, index) => cut.includes(path.slice(0, index + 1).join('.')));
}
