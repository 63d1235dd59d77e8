import type { AttemptResult, Json, JsonObject } from '../model/types.ts';
import { keptResponseBytes } from './channels/exchange.ts';

/** Shorter texts are found everywhere, and give little away. */
const SHORTEST = 8;
/** Of a secret that the end of an answer cuts, so many characters are hidden, or more. */
const SHORTEST_BEGINNING = 4;
const HIDDEN = '(hidden)';

/** What hides a destination's secrets, made once for as long as the destination is remembered. */
const redactors = new WeakMap<JsonObject, (text: string) => string>();

/** The result of an attempt as it may be kept: whoever reads attempts must not get the secrets that a destination may repeat. */
export function withoutSecrets<T extends AttemptResult>(result: T, secrets: JsonObject): T {
  const redact = redactors.get(secrets) ?? createRedactor(secrets);
  redactors.set(secrets, redact);
  const response = result.response && redact(result.response);
  return { ...result, response, ...(!result.ok && { error: redact(result.error) }) };
}

function createRedactor(secrets: JsonObject): (text: string) => string {
  const parts = textsIn(secrets).flatMap(secretParts).toSorted((a, b) => b.length - a.length);
  const searched = parts.map((secret) => ({ secret, begins: new RegExp(`(?=${anySpelling(secret.slice(0, SHORTEST_BEGINNING))})`, 'g') }));
  return (text) => {
    const isCut = Buffer.byteLength(text) > keptResponseBytes - 4;
    return searched.reduce((rest, { secret, begins }) => hide(rest, secret, begins, isCut), text);
  };
}

function hide(text: string, secret: string, begins: RegExp, isCut: boolean): string {
  let shown = '';
  let from = 0;
  for (const { index } of text.matchAll(begins)) {
    const end = index < from ? undefined : endOf(text, index, secret, isCut);
    if (end === undefined) continue;
    shown += text.slice(from, index) + HIDDEN;
    from = end;
  }
  return shown + text.slice(from);
}

/** Where a secret ends that begins here, at the end of the text where that cuts it; undefined when this is something else. */
function endOf(text: string, start: number, secret: string, isCut: boolean): number | undefined {
  let at = start;
  for (const character of secret) {
    const spelling = spellings.get(character) ?? new RegExp(anySpelling(character), 'y');
    spellings.set(character, spelling);
    spelling.lastIndex = at;
    if (!spelling.test(text)) return isCut && CUT_ESCAPE.test(text.slice(at)) ? text.length : undefined;
    at = spelling.lastIndex;
  }
  return at;
}

function textsIn(value: Json): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** A secret and what of it may be repeated alone: a token without `Bearer`, a signing secret without its prefix, a URL's path. */
function secretParts(secret: string): string[] {
  const url = URL.parse(secret);
  const parts = [secret, ...secret.split(/\s+/), secret.replace(/^whsec_/, ''), ...(url?.host ? [url.pathname + url.search] : [])];
  return parts.filter((part) => part.length >= SHORTEST);
}

/** For each character, what matches it as answers spell it. */
const spellings = new Map<string, RegExp>();

/** The end of a text that cuts a character's spelling, or comes right before it. */
const CUT_ESCAPE = /^(?:\\(?:u.{0,3})?|%.?|&[#\w]*)?$/;

/** The source of an expression for a text as answers spell it: as it is, or escaped for JSON, a URL or HTML. */
function anySpelling(text: string): string {
  return Array.from(text, (character) => (/\w/.test(character) ? character : spellingsOf(character))).join('');
}

function spellingsOf(character: string): string {
  const hex = character.charCodeAt(0).toString(16).padStart(2, '0');
  const anyCase = hex.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
  const forms = [String.raw`\\?\u${hex.padStart(4, '0')}`, String.raw`\\u0*${anyCase}`, `%${anyCase}`, `&#0*${character.charCodeAt(0)};`, `&#[xX]0*${anyCase};`];
  return `(?:${[...forms, ...(others[character] ?? [])].join('|')})`;
}

const others: Record<string, string[]> = {
  ' ': [String.raw`\+`],
  '\t': [String.raw`\\t`],
  '&': ['&amp;'],
  '<': ['&lt;'],
  '>': ['&gt;'],
  '"': ['&quot;'],
  "'": ['&apos;'],
};
