import { foldCase, readExactField, readField, textOf } from './payload.ts';
import type { FieldFilter, FilterOperator, Json, JsonObject } from './types.ts';

export { readField } from './payload.ts';

/** Answer of a rule; 'unknown' when it depends on a field that was cut for transport. */
export type Answer = boolean | 'unknown';

/** Operators that a filter may use, in the order of DESIGN "Rules". */
export const filterOperators: readonly FilterOperator[] = [
  'equals',
  'not_equals',
  'contains',
  'not_contains',
  'starts_with',
  'ends_with',
  'exists',
  'not_exists',
  'greater_than',
  'less_than',
  'in',
];

/** A payload as filters read it: looked up and turned into text once, however many filters ask. */
export interface PayloadReader {
  payload: JsonObject;
  /** Cut paths without their case; undefined when the payload is complete. */
  cut: readonly string[] | undefined;
  fields: Map<string, Field>;
}

interface Field {
  value: Json | undefined;
  /** The value as text, from the first filter on that needs it. */
  text?: string;
  /** The elements of a list as text, likewise. */
  elements?: ReadonlySet<string>;
  /** Something at, above or below this path was cut, so that `value` is not the whole truth. */
  cut: boolean;
}

/**
 * Prepares a payload for many filters.
 *
 * @param cut Dotted paths of what the payload lacks (`model/cut.ts`); the empty path means all of it.
 */
export function payloadReader(payload: JsonObject, cut?: readonly string[]): PayloadReader {
  return { payload, cut: cut && cut.length > 0 ? cut.map(foldCase) : undefined, fields: new Map() };
}

/**
 * Whether a payload satisfies a filter (DESIGN "Rules").
 *
 * @param cut Dotted paths of what the payload lacks; a filter that touches one of them answers 'unknown'.
 */
export function matchesFilter(filter: FieldFilter, payload: JsonObject, cut?: readonly string[]): Answer {
  return matchesPrepared(filter, payloadReader(payload, cut));
}

/** {@link matchesFilter} for a payload that many filters ask about. */
export function matchesPrepared(filter: FieldFilter, reader: PayloadReader): Answer {
  const field = fieldOf(reader, filter.field);
  if (field.cut) return answerForCut(filter, reader);
  if (field.value === undefined || field.value === null) return isNegative(filter.operator);
  return compare(filter, field, field.value);
}

function fieldOf(reader: PayloadReader, path: string): Field {
  const known = reader.fields.get(path);
  if (known) return known;
  const field: Field = { value: readField(reader.payload, path), cut: touchesCut(path, reader.cut) };
  reader.fields.set(path, field);
  return field;
}

function touchesCut(path: string, cut: readonly string[] | undefined): boolean {
  if (!cut) return false;
  const folded = foldCase(path);
  return cut.some(
    (missing) =>
      missing === '' || missing === folded || missing.startsWith(`${folded}.`) || folded.startsWith(`${missing}.`),
  );
}

function answerForCut({ field, operator }: FieldFilter, { payload }: PayloadReader): Answer {
  const asksForPresence = operator === 'exists' || operator === 'not_exists';
  const present = (readExactField(payload, field) ?? null) !== null;
  return asksForPresence && present ? operator === 'exists' : 'unknown';
}

/** Operators that a missing or null field satisfies. */
function isNegative(operator: FilterOperator): boolean {
  return operator === 'not_equals' || operator === 'not_contains' || operator === 'not_exists';
}

function compare(filter: FieldFilter, field: Field, value: Json): boolean {
  const expected = filter.value ?? null;
  switch (filter.operator) {
    case 'exists':
      return true;
    case 'not_exists':
      return false;
    case 'equals':
      return equals(field, value, expected);
    case 'not_equals':
      return !equals(field, value, expected);
    case 'in':
      return Array.isArray(expected)
        ? expected.some((item) => equals(field, value, item))
        : equals(field, value, expected);
    case 'contains':
      return contains(field, value, expected);
    case 'not_contains':
      return !contains(field, value, expected);
    case 'starts_with':
      return text(field, value).startsWith(textOf(expected));
    case 'ends_with':
      return text(field, value).endsWith(textOf(expected));
    case 'greater_than':
      return order(field, value, expected) > 0;
    case 'less_than':
      return order(field, value, expected) < 0;
    default:
      return false;
  }
}

function equals(field: Field, value: Json, expected: Json): boolean {
  if (typeof value === 'number' && typeof expected === 'number') return value === expected;
  return text(field, value) === textOf(expected);
}

function contains(field: Field, value: Json, expected: Json): boolean {
  if (Array.isArray(value)) return (field.elements ??= new Set(value.map(textOf))).has(textOf(expected));
  return text(field, value).includes(textOf(expected));
}

/**
 * Below, at or above zero, like a sort's comparison. Numbers by size; a number and the decimal text of one too, because
 * a form can only send text ("1000"), and because whole numbers of many digits come as text (api/json.ts); everything
 * else as text by code units.
 */
function order(field: Field, value: Json, expected: Json): number {
  if (isNumber(value) || isNumber(expected)) {
    const [left, right] = [numberOf(value), numberOf(expected)];
    if (left !== undefined && right !== undefined) return Number(left > right) - Number(left < right);
  }
  const left = text(field, value);
  const right = textOf(expected);
  return left === right ? 0 : left < right ? -1 : 1;
}

const LARGE_NUMBER = /^-?[1-9][0-9]{15,399}$/;

function isNumber(value: Json): value is number | string {
  return typeof value === 'number' || (typeof value === 'string' && LARGE_NUMBER.test(value));
}

/** Undefined when the value is neither a number nor the decimal text of one. */
function numberOf(value: Json): number | bigint | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  if (LARGE_NUMBER.test(value)) return BigInt(value);
  return /^-?[0-9]{1,15}(\.[0-9]{1,15})?$/.test(value) ? Number(value) : undefined;
}

function text(field: Field, value: Json): string {
  return (field.text ??= textOf(value));
}
