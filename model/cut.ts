import type { Json, JsonObject } from './types.ts';

/** Strings longer than this are cut on their way into a workflow history. In UTF-16 code units. */
export const MAX_CARRIED_STRING = 4096;
/** A payload still larger than this after cutting its strings loses its largest fields, too. In JSON characters. */
export const MAX_CARRIED_PAYLOAD = 32 * 1024;

/** What a workflow carries of a payload, and the dotted paths where something is missing. */
export interface CarriedPayload {
  payload: JsonObject;
  cut: string[];
}

/**
 * Shortens a payload for a workflow history. Rules that touch a path in `cut` are answered from the
 * stored event instead (DESIGN: histories carry what rules and people need, not the data).
 *
 * @param jsonLength Length of the payload as JSON, when it is known; short payloads are passed through.
 */
export function carryPayload(payload: JsonObject, jsonLength?: number): CarriedPayload {
  if (jsonLength !== undefined && jsonLength <= MAX_CARRIED_STRING) return { payload, cut: [] };
  const cut: string[] = [];
  const shortened = cutStrings(payload, undefined, cut) as JsonObject;
  if (JSON.stringify(shortened).length <= MAX_CARRIED_PAYLOAD) return { payload: shortened, cut };
  return dropLargestFields(shortened, cut);
}

/** `path` is undefined at the root, because an empty key makes an empty path. */
function cutStrings(value: Json, path: string | undefined, cut: string[]): Json {
  if (typeof value === 'string') {
    if (value.length <= MAX_CARRIED_STRING) return value;
    cut.push(path ?? '');
    return value.slice(0, MAX_CARRIED_STRING);
  }
  if (Array.isArray(value)) return value.map((item, index) => cutStrings(item, join(path, String(index)), cut));
  if (value === null || typeof value !== 'object') return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) {
    Object.defineProperty(copy, key, {
      value: cutStrings(value[key]!, join(path, key), cut),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}

function dropLargestFields(payload: JsonObject, cut: string[]): CarriedPayload {
  const sizes = Object.keys(payload)
    .map((key) => ({ key, size: key.length + JSON.stringify(payload[key]).length }))
    .toSorted((a, b) => a.size - b.size);
  const carried: JsonObject = {};
  const missing: string[] = [];
  let room = MAX_CARRIED_PAYLOAD;
  for (const { key, size } of sizes) {
    room -= size;
    if (room >= 0 && key !== '__proto__') carried[key] = payload[key]!;
    else missing.push(key);
  }
  // Keys alone can exceed the room: then the whole payload counts as cut (the empty path).
  const paths = missing.length > 200 ? [''] : missing;
  return { payload: carried, cut: [...cut.filter((path) => !missing.includes(path.split('.', 1)[0]!)), ...paths] };
}

function join(path: string | undefined, key: string): string {
  return path === undefined ? key : `${path}.${key}`;
}
