import { expect, test } from 'vitest';
import { newId } from '../../../store/ids.ts';

test('an id says what it names, then 24 random letters and digits', () => {
  expect(newId('agt')).toMatch(/^agt_[a-z0-9]{24}$/);
});

test('ids use every letter and digit about equally often, and never repeat', () => {
  const ids = Array.from({ length: 3000 }, () => newId('dlv').slice(4));
  expect(new Set(ids).size).toBe(ids.length);
  const counts = new Map<string, number>();
  for (const character of ids.join('')) counts.set(character, (counts.get(character) ?? 0) + 1);
  expect(counts.size).toBe(36);
  // 2,000 of each are expected; five standard deviations are 220.
  for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(250);
});
