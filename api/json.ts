import type { Json } from '../model/types.ts';
import { badRequest } from './problems.ts';

/** Deeper JSON is nobody's honest payload, and recursion over it is not safe. */
const MAX_DEPTH = 100;

/** A number in JSON: with so many digits, or so large an exponent, that reading it may change it. */
const MAY_CHANGE = /(?:^|[\s:,[])-?\d[\d.]*(?:\d{15}|[eE]\+?\d{3})/;
const NUMBERS = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Parses a body. A whole number that JavaScript would change (a trace id of 19 digits), and one that it takes for
 * infinite (1e400), become text with the same digits. Throws a 400 when it is not JSON or nested too deep.
 */
export function parseJson(text: string): Json {
  const value = parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  if (text.length > 2 * MAX_DEPTH && isDeeperThan(value, MAX_DEPTH)) {
    throw badRequest(undefined, `The body is nested more than ${MAX_DEPTH} levels deep. Send flatter JSON.`);
  }
  return value;
}

export function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

function parse(text: string): Json {
  try {
    return exactly(text, JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return parseAsPython(text) ?? notJson(text, error);
  }
}

/** Python's json.dumps writes NaN and Infinity, which JSON does not have; as null they cost the SDK no batch. */
function parseAsPython(text: string): Json | undefined {
  if (!/NaN|Infinity/.test(text)) return undefined;
  const json = replaceOutsideStrings(text, /-?\b(?:NaN|Infinity)\b/g, () => 'null');
  try {
    return exactly(json, JSON.parse(json));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What the text says, where `value` is what JavaScript makes of it. */
function exactly(text: string, value: Json): Json {
  if (!MAY_CHANGE.test(text)) return value;
  const exact = replaceOutsideStrings(text, NUMBERS, (number) => (isChanged(number) ? `"${number}"` : number));
  return exact === text ? value : JSON.parse(exact);
}

function isChanged(number: string): boolean {
  const value = Number(number);
  return !Number.isFinite(value) || (/^-?\d{16,}$/.test(number) && String(value) !== number);
}

/** Linear in the length of the text. */
function replaceOutsideStrings(text: string, pattern: RegExp, replacement: (found: string) => string): string {
  let result = '';
  let at = 0;
  while (at < text.length) {
    const quote = text.indexOf('"', at);
    const outside = text.slice(at, quote === -1 ? undefined : quote);
    result += outside.replace(pattern, replacement);
    if (quote === -1) break;
    at = endOfString(text, quote);
    result += text.slice(quote, at);
  }
  return result;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '"') return at + 1;
  }
  return text.length;
}

function notJson(text: string, error: SyntaxError): never {
  const detail = text.trim() === '' ? 'The body is empty. Send JSON.' : `The body is not JSON: ${error.message}`;
  throw badRequest(undefined, detail);
}
