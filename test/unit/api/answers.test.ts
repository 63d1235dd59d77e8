import { describe, expect, it } from 'vitest';
import { costText, sessionUrl } from '../../../api/agentops/answers.ts';

describe('answers to AgentOps clients', () => {
  it.each([
    [0, '0.00'],
    [0.0093, '0.0093'],
    [0.1 + 0.2, '0.30'],
    [12, '12.00'],
    [1.5, '1.50'],
    [0.000_000_15, '0.00000015'],
    [1e-15, '0.00'],
    [123_456.789, '123456.789'],
  ])('write a cost of %d dollars as %s', (dollars, text) => {
    expect(costText(dollars)).toBe(text);
  });

  it('link to a session whatever its id', () => {
    expect(sessionUrl('https://herald.example', 'a/b c')).toBe('https://herald.example/sessions/a%2Fb%20c');
  });
});
