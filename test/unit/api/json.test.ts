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

  it.each([
    ['[1234567890123456789, -1234567890123456789]', ['1234567890123456789', '-1234567890123456789']],
    ['{"id":9007199254740993,"ok":9007199254740992}', { id: '9007199254740993', ok: 9007199254740992 }],
    ['18446744073709551615', '18446744073709551615'],
    ['{"a":[{"b":1e400}],"c":-1E+999,"d":1e308,"e":12345678901234567890e999}', { a: [{ b: '1e400' }], c: '-1E+999', d: 1e308, e: '12345678901234567890e999' }],
    ['{"n":NaN,"id":1234567890123456789}', { n: null, id: '1234567890123456789' }],
    ['{"text":"a: 1234567890123456789, \\" 1e400","id":\n1234567890123456789}', { text: 'a: 1234567890123456789, " 1e400', id: '1234567890123456789' }],
    ['{"1234567890123456789":1700000000000000000}', { '1234567890123456789': 1700000000000000000 }],
    ['[0.1234567890123456789, 1.5e-400, 1234567890123456.5]', [0.12345678901234568, 0, 1234567890123456.5]],
  ])('keeps the digits of large numbers, as text where a number would change: %s', (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  it.each(['[01234567890123456789]', '[1234567890123456789', '{1234567890123456789:1}', '[1e400e1]'])('with a large number in it is no more JSON than before: %s', (text) => {
    expect(() => parseJson(text)).toThrow('The body is not JSON');
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
