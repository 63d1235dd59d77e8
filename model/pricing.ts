/** US dollars per million tokens. */
export interface TokenPrice {
  prompt: number;
  completion: number;
}

/** Prices by model name. */
export type TokenPrices = Readonly<Record<string, TokenPrice>>;

/** List prices of common models, in US dollars per million tokens; HERALD_TOKEN_PRICES overrides and adds. */
export const defaultPrices: TokenPrices = {
  'gpt-5': { prompt: 1.25, completion: 10 },
  'gpt-5-mini': { prompt: 0.25, completion: 2 },
  'gpt-5-nano': { prompt: 0.05, completion: 0.4 },
  'gpt-4.1': { prompt: 2, completion: 8 },
  'gpt-4.1-mini': { prompt: 0.4, completion: 1.6 },
  'gpt-4.1-nano': { prompt: 0.1, completion: 0.4 },
  'gpt-4o': { prompt: 2.5, completion: 10 },
  'gpt-4o-mini': { prompt: 0.15, completion: 0.6 },
  'gpt-4-turbo': { prompt: 10, completion: 30 },
  'gpt-4': { prompt: 30, completion: 60 },
  'gpt-3.5-turbo': { prompt: 0.5, completion: 1.5 },
  o1: { prompt: 15, completion: 60 },
  'o1-mini': { prompt: 1.1, completion: 4.4 },
  o3: { prompt: 2, completion: 8 },
  'o3-mini': { prompt: 1.1, completion: 4.4 },
  'o4-mini': { prompt: 1.1, completion: 4.4 },
  'claude-opus-4': { prompt: 15, completion: 75 },
  'claude-sonnet-4': { prompt: 3, completion: 15 },
  'claude-haiku-4-5': { prompt: 1, completion: 5 },
  'claude-3-7-sonnet': { prompt: 3, completion: 15 },
  'claude-3-5-sonnet': { prompt: 3, completion: 15 },
  'claude-3-5-haiku': { prompt: 0.8, completion: 4 },
  'claude-3-opus': { prompt: 15, completion: 75 },
  'claude-3-haiku': { prompt: 0.25, completion: 1.25 },
  'gemini-2.5-pro': { prompt: 1.25, completion: 10 },
  'gemini-2.5-flash': { prompt: 0.3, completion: 2.5 },
  'gemini-2.0-flash': { prompt: 0.1, completion: 0.4 },
};

/**
 * Cost of a model call in US dollars. A dated or tuned variant costs what its base model costs
 * (`gpt-4o-2024-08-06`, `openai/gpt-4o`); a model that no price is known for costs nothing.
 */
export function tokenCost(
  model: string | undefined,
  promptTokens: number,
  completionTokens: number,
  prices: TokenPrices = defaultPrices,
): number {
  const price = model === undefined ? undefined : priceOf(model, prices);
  if (!price) return 0;
  return (count(promptTokens) * price.prompt + count(completionTokens) * price.completion) / 1_000_000;
}

function priceOf(model: string, prices: TokenPrices): TokenPrice | undefined {
  if (Object.hasOwn(prices, model)) return prices[model];
  const name = model.slice(model.lastIndexOf('/') + 1).toLowerCase();
  const base = Object.keys(prices)
    .filter((known) => isVariant(name, known.toLowerCase()))
    .toSorted((a, b) => b.length - a.length)[0];
  return base === undefined ? undefined : prices[base];
}

function isVariant(name: string, base: string): boolean {
  return name === base || (name.startsWith(base) && '-:@'.includes(name.charAt(base.length)));
}

function count(tokens: number): number {
  return Number.isFinite(tokens) && tokens > 0 ? tokens : 0;
}
