import { textOf } from './payload.ts';
import type { JsonObject } from './types.ts';

/**
 * The pairs by which a session can be filtered: its tags of the form `key:value` or `key=value`, split at
 * the first separator, and its metadata, which wins. Values become text; null is no value.
 */
export function metadataOf(tags: readonly string[], metadata: JsonObject | undefined): Record<string, string> {
  const fromTags = tags.map(pairOf).filter((pair) => pair !== undefined);
  const given = Object.entries(metadata ?? {})
    .filter(([, value]) => value !== null)
    .map(([key, value]): [string, string] => [key, textOf(value)]);
  // fromEntries, not assignment: a pair named __proto__ stays a pair.
  return Object.fromEntries([...fromTags, ...given]);
}

function pairOf(tag: string): [key: string, value: string] | undefined {
  const at = tag.search(/[:=]/);
  const key = tag.slice(0, Math.max(at, 0)).trim();
  return key === '' ? undefined : [key, tag.slice(at + 1).trim()];
}
