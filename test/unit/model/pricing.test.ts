import { describe, expect, it } from 'vitest';
import { defaultPrices, tokenCost } from '../../../model/pricing.ts';

const million = 1_000_000;

describe('the cost of a model call', () => {
  it("of the REST seed's first example is known: gpt-4, 150 and 80 tokens", () => {
    expect(tokenCost('gpt-4', 150, 80, defaultPrices)).toBeCloseTo(0.0093, 10);
  });

  const prices = {
    'gpt-4': { prompt: 30, completion: 60 },
    'gpt-4o': { prompt: 2.5, completion: 10 },
    'gpt-4o-mini': { prompt: 0.15, completion: 0.6 },
    'Own-Model': { prompt: 1, completion: 2 },
  };

  it.each([
    ['gpt-4', 30],
    ['gpt-4-0613', 30],
    ['gpt-4o', 2.5],
    ['gpt-4o-2024-08-06', 2.5],
    ['gpt-4o-mini-2024-07-18', 0.15],
    ['openai/gpt-4o', 2.5],
    ['GPT-4o', 2.5],
    ['ft:gpt-4o', 0],
    ['gpt-4o:acme', 2.5],
    ['own-model', 1],
    ['gpt-45', 0],
    ['gpt-4.1', 0],
    ['nobody-knows', 0],
    ['constructor', 0],
    [undefined, 0],
  ])('of %s is %d dollars a million prompt tokens', (model, dollars) => {
    expect(tokenCost(model, million, 0, prices)).toBe(dollars);
  });

  it('adds prompt and completion, and counts nothing that is no number', () => {
    expect(tokenCost('gpt-4', million, million, prices)).toBe(90);
    expect(tokenCost('gpt-4', NaN, million, prices)).toBe(60);
    expect(tokenCost('gpt-4', -5, Infinity, prices)).toBe(0);
  });
});
