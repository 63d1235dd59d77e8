import { describe, expect, it } from 'vitest';
import { filterOperators, matchesFilter, readField } from '../../../model/filters.ts';
import type { FieldFilter, FilterOperator, Json, JsonObject } from '../../../model/types.ts';

const payload: JsonObject = {
  outcome: 'failure',
  steps: 12,
  ratio: 0.5,
  retried: false,
  count: '500',
  nothing: null,
  empty: '',
  tags: ['production', 'eu', 3],
  result: { message: 'Urgent: card declined', order: { id: 12345 }, items: [{ sku: 'A-1' }, { sku: 'B-2' }] },
};

function matches(field: string, operator: FilterOperator, value?: Json): boolean | 'unknown' {
  const filter: FieldFilter = value === undefined ? { field, operator } : { field, operator, value };
  return matchesFilter(filter, payload);
}

describe('reading a field', () => {
  it.each<[string, Json | undefined]>([
    ['outcome', 'failure'],
    ['result.order.id', 12345],
    ['result.items.1.sku', 'B-2'],
    ['tags.0', 'production'],
    ['nothing', null],
    ['missing', undefined],
    ['outcome.length', undefined],
    ['outcome.0', undefined],
    ['tags.length', undefined],
    ['tags.01', undefined],
    ['tags.-1', undefined],
    ['tags.9', undefined],
    ['result.missing.id', undefined],
    ['', undefined],
    ['.', undefined],
    ['result..message', undefined],
  ])('%s is %j', (path, value) => {
    expect(readField(payload, path)).toEqual(value);
  });

  it("finds outcome for the seed's Outcome, at any depth", () => {
    expect(readField(payload, 'Outcome')).toBe('failure');
    expect(readField(payload, 'RESULT.Order.ID')).toBe(12345);
  });

  it('takes an exact key before one that differs by case', () => {
    expect(readField({ Outcome: 'a', outcome: 'b' }, 'outcome')).toBe('b');
    expect(readField({ outcome: 'b', Outcome: 'a' }, 'Outcome')).toBe('a');
  });

  it('takes the same one of several spellings, in whatever order they come', () => {
    expect(readField({ OUTCOME: 'a', Outcome: 'b' }, 'outcome')).toBe('a');
    expect(readField({ Outcome: 'b', OUTCOME: 'a' }, 'outcome')).toBe('a');
  });

  it('reads a key that contains dots, unless the path leads somewhere', () => {
    expect(readField({ 'gen_ai.system': 'openai' }, 'gen_ai.system')).toBe('openai');
    expect(readField({ 'a.b': 1, a: { b: 2 } }, 'a.b')).toBe(2);
  });

  it.each(['__proto__', 'constructor', 'toString', 'result.constructor.name', 'tags.constructor', 'tags.map'])(
    'never reads %s from a prototype',
    (path) => {
      expect(readField(payload, path)).toBeUndefined();
    },
  );

  it('reads a key of the payload that only looks like a prototype', () => {
    const hostile: JsonObject = JSON.parse('{"__proto__":{"polluted":"yes"},"constructor":"mine"}');
    expect(readField(hostile, '__proto__.polluted')).toBe('yes');
    expect(readField(hostile, 'constructor')).toBe('mine');
  });
});

describe('operators', () => {
  it.each<[string, FilterOperator, Json | undefined, boolean]>([
    ['outcome', 'equals', 'failure', true],
    ['outcome', 'equals', 'Failure', false],
    ['outcome', 'equals', 'fail', false],
    ['steps', 'equals', 12, true],
    ['steps', 'equals', '12', true],
    ['steps', 'equals', '12.0', false],
    ['count', 'equals', 500, true],
    ['ratio', 'equals', 0.5, true],
    ['retried', 'equals', false, true],
    ['retried', 'equals', 'false', true],
    ['result.order', 'equals', '{"id":12345}', true],
    ['empty', 'equals', '', true],

    ['outcome', 'not_equals', 'failure', false],
    ['outcome', 'not_equals', 'success', true],

    ['result.message', 'contains', 'Urgent', true],
    ['result.message', 'contains', 'urgent', false],
    ['steps', 'contains', '1', true],
    ['tags', 'contains', 'production', true],
    ['tags', 'contains', 'prod', false],
    ['tags', 'contains', 3, true],
    ['tags', 'contains', '3', true],
    ['result', 'contains', 'Urgent', true],
    ['result', 'contains', '"id":12345', true],
    ['result.items', 'contains', { sku: 'A-1' }, true],
    ['result.items', 'contains', 'A-1', false],

    ['result.message', 'not_contains', 'Urgent', false],
    ['tags', 'not_contains', 'staging', true],

    ['result.message', 'starts_with', 'Urgent', true],
    ['result.message', 'starts_with', 'declined', false],
    ['steps', 'starts_with', 1, true],
    ['result.message', 'ends_with', 'declined', true],
    ['result.message', 'ends_with', 'Urgent', false],

    ['outcome', 'exists', undefined, true],
    ['empty', 'exists', undefined, true],
    ['retried', 'exists', undefined, true],
    ['missing', 'exists', undefined, false],
    ['outcome', 'not_exists', undefined, false],
    ['missing', 'not_exists', undefined, true],

    ['steps', 'greater_than', 9, true],
    ['steps', 'greater_than', '9', true],
    ['steps', 'greater_than', 12, false],
    ['steps', 'less_than', 100, true],
    ['steps', 'less_than', '100', true],
    ['steps', 'less_than', 12, false],
    ['count', 'greater_than', 1000, false],
    ['ratio', 'less_than', '0.75', true],
    ['outcome', 'greater_than', 'a', true],
    ['outcome', 'less_than', 'a', false],

    ['outcome', 'in', ['success', 'failure'], true],
    ['outcome', 'in', ['success'], false],
    ['outcome', 'in', [], false],
    ['steps', 'in', ['12', '13'], true],
    ['outcome', 'in', 'failure', true],
  ])('%s %s %j: %s', (field, operator, value, expected) => {
    expect(matches(field, operator, value)).toBe(expected);
  });

  it('compares two texts as text, also when both look like numbers', () => {
    expect(matches('count', 'greater_than', '1000')).toBe(true);
    expect(matches('count', 'equals', '500.0')).toBe(false);
  });

  it.each<[Json, FilterOperator, Json, boolean]>([
    ['1234567890123456789', 'equals', '1234567890123456789', true],
    ['1234567890123456789', 'equals', '1234567890123456788', false],
    ['1234567890123456789', 'greater_than', '1234567890123456788', true],
    ['1234567890123456789', 'less_than', '1234567890123456788', false],
    ['1234567890123456789', 'greater_than', 5, true],
    ['1234567890123456789', 'greater_than', '99', true],
    ['-1234567890123456789', 'less_than', 0, true],
    [7, 'less_than', '1234567890123456789', true],
    [1700000000000000000, 'less_than', '1700000000000000001', true],
    ['10000000000000000000', 'greater_than', '9999999999999999999', true],
  ])('reads whole numbers of many digits, which come as text, to the last digit: %j %s %j: %s', (value, operator, expected, answer) => {
    expect(matchesFilter({ field: 'n', operator, value: expected }, { n: value })).toBe(answer);
  });

  it.each(['missing', 'nothing', 'result.missing', 'tags.7'])(
    'a missing or null field (%s) satisfies only not_equals, not_contains and not_exists',
    (field) => {
      const satisfied = filterOperators.filter((operator) => matches(field, operator, 'x'));
      expect(satisfied).toEqual(['not_equals', 'not_contains', 'not_exists']);
      expect(matches(field, 'equals', null)).toBe(false);
      expect(matches(field, 'contains', '')).toBe(false);
    },
  );

  it('answers no for an operator it does not know', () => {
    const filter = { field: 'outcome', operator: 'matches', value: '(a+)+$' } as unknown as FieldFilter;
    expect(matchesFilter(filter, payload)).toBe(false);
  });
});

describe('fields that were cut for transport', () => {
  const cut = ['result.message', 'prompt'];

  it.each<[string, FilterOperator, string]>([
    ['result.message', 'equals', 'x'],
    ['Result.Message', 'contains', 'x'],
    ['result', 'contains', 'x'],
    ['prompt', 'exists', ''],
    ['Prompt', 'not_contains', 'x'],
    ['prompt.0.content', 'contains', 'x'],
  ])('%s %s is unknown', (field, operator, value) => {
    expect(matchesFilter({ field, operator, value }, payload, cut)).toBe('unknown');
  });

  it('are recognised whatever their case, also where lower case depends on the next letter', () => {
    const filter: FieldFilter = { field: 'ας.b', operator: 'equals', value: 'x' };
    expect(matchesFilter(filter, { ΑΣ: { b: 'x' } })).toBe(true);
    expect(matchesFilter(filter, { ΑΣ: { b: 'x' } }, ['ΑΣ.b'])).toBe('unknown');
  });

  it('still says that a shortened text exists', () => {
    expect(matchesFilter({ field: 'result.message', operator: 'exists' }, payload, cut)).toBe(true);
    expect(matchesFilter({ field: 'result.message', operator: 'not_exists' }, payload, cut)).toBe(false);
  });

  it('answers for the fields beside them', () => {
    expect(matchesFilter({ field: 'outcome', operator: 'equals', value: 'failure' }, payload, cut)).toBe(true);
    expect(matchesFilter({ field: 'result.order.id', operator: 'equals', value: 1 }, payload, cut)).toBe(false);
    expect(matchesFilter({ field: 'prompt_tokens', operator: 'exists' }, payload, cut)).toBe(false);
  });

  it('knows nothing when the whole payload was cut', () => {
    expect(matchesFilter({ field: 'outcome', operator: 'not_exists' }, {}, [''])).toBe('unknown');
  });
});
