import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../api/json.ts';

describe('a body', () => {
  it('may begin with a byte order mark', () => {
    expect(parseJson('\uFEFF{"a":1}')).toEqual({ a: 1 });
  });

  it('may hold what Python writes for numbers that JSON does not have', () => {
    expect(parseJson('{"a": NaN, "b": [Infinity, -Infinity], "c": "NaN \\" Infinity", "NaN": "\\\\"}')).toEqual({
      a: null,
      b: [null, null],
      c: 'NaN " Infinity',
      NaN: '\\',
    });
  });

  it.each(['{"a":NaNa}', '{"a":"NaN}', '{NaN:1}', '{"a":+Infinity}', "{'a':1}", '', ' '])('is refused as %j', (text) => {
    expect(() => parseJson(text)).toThrow(/^The body is (not JSON|empty)/);
  });

  it('may be nested a hundred levels deep, and no deeper', () => {
    expect(parseJson(nested(100))).toBeTypeOf('object');
    expect(() => parseJson(nested(101))).toThrow('nested more than 100 levels deep');
    expect(() => parseJson('['.repeat(100_000) + ']'.repeat(100_000))).toThrow('nested more than 100 levels deep');
  });

  it('pollutes nothing', () => {
    const body = parseJson('{"__proto__":{"polluted":true}}');
    expect(Object.getPrototypeOf(body)).toBe(Object.prototype);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

function nested(levels: number): string {
  return `${'{"a":'.repeat(levels - 1)}[]${'}'.repeat(levels - 1)}`;
}
