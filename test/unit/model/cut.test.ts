import { describe, expect, it } from 'vitest';
import { carryPayload, MAX_CARRIED_PAYLOAD, MAX_CARRIED_STRING } from '../../../model/cut.ts';
import type { JsonObject } from '../../../model/types.ts';

const long = 'x'.repeat(MAX_CARRIED_STRING + 1);

describe('what a workflow carries of a payload', () => {
  it('is all of a small one', () => {
    const payload = { reason: 'timeout', list: [1, { a: null }], flag: true };
    expect(carryPayload(payload)).toEqual({ payload, cut: [] });
  });

  it('is the beginning of long strings, with their paths', () => {
    const { payload, cut } = carryPayload({ result: { text: long, ok: 'ok' }, list: ['a', long], exact: 'x'.repeat(MAX_CARRIED_STRING) });
    expect(cut).toEqual(['result.text', 'list.1']);
    expect(payload.result).toEqual({ text: 'x'.repeat(MAX_CARRIED_STRING), ok: 'ok' });
    expect(payload.exact).toHaveLength(MAX_CARRIED_STRING);
  });

  it('lacks the largest fields when it would still be too long', () => {
    const { payload, cut } = carryPayload({ outcome: 'failure', numbers: Array.from({ length: 20_000 }, (_, index) => index) });
    expect(payload).toEqual({ outcome: 'failure' });
    expect(cut).toEqual(['numbers']);
  });

  it('stays small when it consists of thousands of fields', () => {
    const many: JsonObject = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`field_${index}`, index]));
    const { payload, cut } = carryPayload(many);
    expect(JSON.stringify({ payload, cut }).length).toBeLessThan(2 * MAX_CARRIED_PAYLOAD);
    expect(cut).toEqual(['']);
  });

  it('keeps a key named __proto__ a key', () => {
    const { payload, cut } = carryPayload(Object.fromEntries([['__proto__', { a: long }]]));
    expect(Object.keys(payload)).toEqual(['__proto__']);
    expect(cut).toEqual(['__proto__.a']);
  });
});
