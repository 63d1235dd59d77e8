import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOutcome, encodeOutcome, type Outcome } from '../../../model/decisions.ts';

const outcomes = fc.constantFrom<Outcome>(
  'sent',
  'event_type',
  'field_filter',
  'metadata',
  'disabled',
  'same_destination',
  'already_ended',
);

describe('outcome codes', () => {
  it('keep a thousand notifications in a few characters', () => {
    const list: Outcome[] = [...Array<Outcome>(499).fill('event_type'), 'sent', ...Array<Outcome>(500).fill('event_type')];
    expect(encodeOutcome(list)).toBe('e499s1e500');
  });

  it('have a letter for each outcome', () => {
    expect(
      encodeOutcome(['sent', 'event_type', 'field_filter', 'metadata', 'disabled', 'same_destination', 'already_ended']),
    ).toBe('s1e1f1m1d1u1x1');
  });

  it('are empty for no notifications', () => {
    expect(encodeOutcome([])).toBe('');
    expect(decodeOutcome('')).toEqual([]);
  });

  it('decode to what was encoded', () => {
    fc.assert(
      fc.property(fc.array(outcomes), (list) => {
        expect(decodeOutcome(encodeOutcome(list))).toEqual(list);
      }),
    );
  });

  it('have one run for each change', () => {
    fc.assert(
      fc.property(fc.array(outcomes), (list) => {
        const changes = list.filter((outcome, index) => outcome !== list[index - 1]).length;
        expect(encodeOutcome(list).match(/[a-z]/g) ?? []).toHaveLength(changes);
      }),
    );
  });

  it.each(['s', '5', 's1 ', 'S1', 'z1', 's-1', 's1e'])('refuse %j', (code) => {
    expect(() => decodeOutcome(code)).toThrow(/outcome/);
  });
});
