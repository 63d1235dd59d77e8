import type { Json, JsonObject } from './types.ts';

/**
 * The value that a dotted path leads to; undefined when there is none. Lists are entered by index.
 * At each step an exact key comes before one that differs only by case (`Outcome` finds `outcome`),
 * and only own keys count. A key that itself contains dots is found when the path leads nowhere else.
 */
export function readField(payload: JsonObject, path: string): Json | undefined {
  return follow(payload, path, findKey);
}

/** Like {@link readField}, with every key spelled exactly. */
export function readExactField(payload: JsonObject, path: string): Json | undefined {
  return follow(payload, path, (object, key) => (Object.hasOwn(object, key) ? key : undefined));
}

/** A value as text: what rules compare, and what messages show. Lists and objects are JSON. */
export function textOf(value: Json): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Spelling of a key without its case. Upper case, because lower case depends on neighbouring letters. */
export function foldCase(key: string): string {
  return key.toUpperCase();
}

type KeyFinder = (object: JsonObject, key: string) => string | undefined;

function follow(payload: JsonObject, path: string, find: KeyFinder): Json | undefined {
  let value: Json | undefined = payload;
  for (const step of path.split('.')) {
    value = enter(value, step, find);
    if (value === undefined) break;
  }
  return value ?? (path.includes('.') ? (enter(payload, path, find) ?? value) : value);
}

function enter(value: Json, step: string, find: KeyFinder): Json | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  if (Array.isArray(value)) return /^(0|[1-9][0-9]{0,9})$/.test(step) ? value[Number(step)] : undefined;
  const key = find(value, step);
  return key === undefined ? undefined : value[key];
}

function findKey(object: JsonObject, wanted: string): string | undefined {
  if (Object.hasOwn(object, wanted)) return wanted;
  const folded = foldCase(wanted);
  let found: string | undefined;
  for (const key of Object.keys(object)) {
    // Of several spellings the first by code unit, because a payload's order of keys is not kept everywhere.
    if (foldCase(key) === folded && (found === undefined || key < found)) found = key;
  }
  return found;
}
