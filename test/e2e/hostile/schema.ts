import fc from 'fast-check';
import { hostileJson } from './values.ts';

/** As much of JSON Schema as the API's description uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  example?: unknown;
  examples?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
}

export interface SchemaSource {
  components?: { schemas?: Record<string, Schema> };
}

/** How likely each part of a value is replaced by something that the schema does not allow. */
const HOSTILE_SHARE = 0.15;

/** Values of a schema, with something hostile here and there. `known` are values worth trying for a field of that name. */
export function nearlyValid(source: SchemaSource, schema: Schema, known: (field: string) => unknown[], depth = 0): fc.Arbitrary<unknown> {
  const valid = depth > 6 ? fc.constant(null) : byKind(source, resolve(source, schema), known, depth);
  const rate = Math.round(HOSTILE_SHARE * 100);
  return fc.oneof({ weight: 100 - rate, arbitrary: valid }, { weight: rate, arbitrary: hostileJson });
}

function byKind(source: SchemaSource, schema: Schema, known: (field: string) => unknown[], depth: number): fc.Arbitrary<unknown> {
  const inner = (each: Schema) => nearlyValid(source, each, known, depth + 1);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum && schema.enum.length > 0) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map(inner));
  if (schema.allOf) return fc.tuple(...schema.allOf.map(inner)).map((parts) => Object.assign({}, ...parts.filter((part) => typeof part === 'object')) as unknown);
  const types = [schema.type ?? 'any'].flat();
  return fc.oneof(...types.map((type) => ofType(type, schema, known, inner)));
}

function ofType(type: string, schema: Schema, known: (field: string) => unknown[], inner: (schema: Schema) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const examples = [schema.example, ...(schema.examples ?? [])].filter((example) => example !== undefined);
  switch (type) {
    case 'object':
      return anObject(schema, known, inner);
    case 'array':
      return fc.array(inner(schema.items ?? {}), { maxLength: 3 });
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1000, max: schema.maximum ?? 100_000 });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1e6, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'string':
      return examples.length > 0 ? fc.oneof(fc.constantFrom(...examples), fc.string({ maxLength: 20 })) : fc.string({ maxLength: 20 });
    default:
      return examples.length > 0 ? fc.constantFrom(...examples) : hostileJson;
  }
}

function anObject(schema: Schema, known: (field: string) => unknown[], inner: (schema: Schema) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]): [string, fc.Arbitrary<unknown>] => {
    const values = known(name);
    return [name, values.length > 0 ? fc.oneof(fc.constantFrom(...values), inner(field)) : inner(field)];
  });
  const additional = schema.additionalProperties;
  const rest = fc.dictionary(fc.constantFrom('a', 'environment', '__proto__', 'constructor', 'x\u0000'), inner(typeof additional === 'object' ? additional : {}), { maxKeys: 2 });
  const required = (schema.required ?? []).filter((name) => fields.some(([field]) => field === name));
  const record = fc.record(Object.fromEntries(fields), { requiredKeys: required });
  return additional === false ? fc.oneof({ weight: 9, arbitrary: record }, { weight: 1, arbitrary: fc.tuple(record, rest).map(merged) }) : fc.tuple(record, rest).map(merged);
}

function merged([a, b]: [object, object]): unknown {
  return { ...a, ...b };
}

export function resolve(source: SchemaSource, schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  return resolve(source, source.components?.schemas?.[schema.$ref.split('/').at(-1)!] ?? {});
}
