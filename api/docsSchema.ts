import type { ApiRouter } from './router.ts';

export type OpenApiDocument = ReturnType<ApiRouter['getOpenAPI31Document']>;
type SchemaOrReference = NonNullable<NonNullable<OpenApiDocument['components']>['schemas']>[string];
/** A schema of OpenAPI 3.1. */
export type Schema = SchemaOrReference;
type Inline = Exclude<SchemaOrReference, { $ref: string }>;

export interface Field {
  name: string;
  type: string;
  required: boolean;
  note: string;
}

/** Nested deeper than this, a field is shown as its type only. */
const MAX_DEPTH = 4;

/** Follows references to the schema itself; of several alternatives the first is shown. */
export function resolve(document: OpenApiDocument, schema: Schema): Inline {
  if ('$ref' in schema && typeof schema.$ref === 'string') {
    const target = document.components?.schemas?.[schema.$ref.slice('#/components/schemas/'.length)];
    return target ? resolve(document, target) : {};
  }
  const inline = schema as Inline;
  const alternatives = (inline.anyOf ?? inline.oneOf ?? []).filter((option) => !isNull(option));
  const first = alternatives[0];
  return first ? { ...resolve(document, first), ...(inline.description ? { description: inline.description } : {}) } : inline;
}

/** The fields of an object, nested ones by their dotted names. */
export function describeFields(document: OpenApiDocument, schema: Inline, prefix = '', depth = 0): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const inline = resolve(document, property);
    const name = `${prefix}${key}`;
    const items = inline.items && resolve(document, inline.items);
    const field = { name, type: typeOf(document, inline), required: schema.required?.includes(key) ?? false, note: noteOf(inline) };
    if (depth >= MAX_DEPTH) return [field];
    const inner = items ? describeFields(document, items, `${name}[].`, depth + 1) : describeFields(document, inline, `${name}.`, depth + 1);
    return [field, ...inner];
  });
}

/** A value that the schema allows, from its examples where it has them. */
export function exampleOf(document: OpenApiDocument, schema: Schema, depth = 0): unknown {
  const inline = resolve(document, schema);
  const given = inline.example ?? inline.examples?.[0] ?? inline.const ?? inline.enum?.[0] ?? inline.default;
  if (given !== undefined) return given;
  const type = Array.isArray(inline.type) ? inline.type[0] : inline.type;
  if (inline.properties && depth <= MAX_DEPTH) {
    const fields = Object.entries(inline.properties).map(([key, property]) => [key, exampleOf(document, property, depth + 1)]);
    return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  }
  if (type === 'array') return inline.items && depth <= MAX_DEPTH ? [exampleOf(document, inline.items, depth + 1)].filter((item) => item !== undefined) : [];
  if (type === 'string') return '…';
  if (type === 'integer' || type === 'number') return 1;
  if (type === 'boolean') return true;
  return type === 'object' ? {} : undefined;
}

function typeOf(document: OpenApiDocument, schema: Inline): string {
  if (schema.enum) return schema.enum.map(String).join(' | ');
  const types = [schema.type ?? []].flat().filter((type) => type !== 'null');
  if (types[0] === 'array') return `list of ${schema.items ? typeOf(document, resolve(document, schema.items)) : 'anything'}`;
  return types.join(' or ') || (schema.properties ? 'object' : 'anything');
}

function noteOf(schema: Inline): string {
  return schema.description ?? '';
}

function isNull(schema: Schema): boolean {
  return 'type' in schema && schema.type === 'null';
}
