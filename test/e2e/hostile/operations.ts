import fc from 'fast-check';
import type { RawRequest } from './request.ts';
import { nearlyValid, resolve, type Schema, type SchemaSource } from './schema.ts';
import { hostileJson, hostileText } from './values.ts';

/** Something that the API answers, and requests to try it with. */
export interface Target {
  /** `POST /v1/agents/{id}` */
  name: string;
  requests: fc.Arbitrary<RawRequest>;
}

/** An operation of the API's description. */
interface Operation {
  name: string;
  method: string;
  path: string;
  /** What opens it: the names of its security schemes. */
  security: string[];
  parameters: Parameter[];
  body: Schema | undefined;
}

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  schema: Schema;
}

export interface Description extends SchemaSource {
  paths: Record<string, Record<string, DescribedOperation>>;
}

interface DescribedOperation {
  security?: Record<string, unknown>[];
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, { schema?: Schema }> };
}

/** What is worth trying besides nonsense. */
export interface Known {
  apiKey: string;
  sessionToken: string;
  /** Values for a path's or body's field, by its name, or by the collection in the path: `agents`. */
  values: (name: string) => unknown[];
}

/** Every operation that the description has. */
export function describedTargets(description: Description, known: Known): Target[] {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]): Target => {
      const operation: Operation = {
        name: `${method.toUpperCase()} ${path}`,
        method,
        path,
        security: (described.security ?? []).flatMap((scheme) => Object.keys(scheme)),
        parameters: described.parameters ?? [],
        body: Object.values(described.requestBody?.content ?? {})[0]?.schema,
      };
      return { name: operation.name, requests: requestsTo(description, operation, known) };
    }),
  );
}

/** Requests to an operation: right in most places, and wrong in some. */
function requestsTo(description: Description, operation: Operation, known: Known): fc.Arbitrary<RawRequest> {
  const bodies = operation.body ? bodiesOf(description, operation.body, known) : fc.option(fc.constant(Buffer.from('{}')), { freq: 5, nil: undefined });
  return fc
    .record({ path: pathsOf(operation, known), query: queriesOf(description, operation), headers: headersOf(operation, known), body: bodies, type: contentTypes })
    .map(({ path, query, headers, body, type }) => ({
      method: operation.method,
      path: query === '' ? path : `${path}?${query}`,
      headers: { ...headers, ...(body === undefined ? {} : type) },
      ...(body === undefined ? {} : { body }),
    }));
}

const contentTypes: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 18, arbitrary: fc.constant({ 'content-type': 'application/json' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Record<string, string>>(
      {},
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    ),
  },
);

function pathsOf({ path }: Operation, known: Known): fc.Arbitrary<string> {
  const parts = path.split('/').map((part, index, all): fc.Arbitrary<string> => {
    if (!part.startsWith('{')) return fc.constant(part);
    const values = [...known.values(part.slice(1, -1)), ...known.values(all[index - 1] ?? '')].map(String);
    const nonsense = fc.oneof(hostileText.map(encoded), fc.constantFrom('%', '%zz', '%ed%a0%80', '%c0%af', '%00', '..', '%2e%2e%2f', 'a'.repeat(8000)));
    return values.length === 0 ? nonsense : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...values.map(encoded)) }, { weight: 1, arbitrary: nonsense });
  });
  return fc.tuple(...parts).map((all) => all.join('/'));
}

function queriesOf(description: Description, { parameters }: Operation): fc.Arbitrary<string> {
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, schema }) => {
      // How long to wait for an answer is not to be tried out.
      if (name === 'timeout_s') return fc.constantFrom('0', '0.05', '-1', 'soon', '1e400', '', '0&timeout_s=0').map((text) => [`${name}=${text}`]);
      const value = nearlyValid(description, resolve(description, schema), () => []).map((each) => `${name}=${encoded(typeof each === 'string' ? each : JSON.stringify(each))}`);
      return fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 4, arbitrary: fc.tuple(value) }, { weight: 1, arbitrary: fc.tuple(value, value, value) });
    });
  const unknown = fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constantFrom(['__proto__=1'], ['a[b]=1'], ['&&='], ['%=%ff'], [`x=${'y'.repeat(8000)}`]) });
  return fc.tuple(...pairs, unknown).map((all) => all.flat().join('&'));
}

function headersOf({ security, parameters }: Operation, known: Known): fc.Arbitrary<Record<string, string>> {
  const right: Record<string, string> = security.includes('sessionToken') && !security.includes('bearerKey')
    ? { authorization: `Bearer ${known.sessionToken}` }
    : security.length > 0
      ? { 'x-agentops-api-key': known.apiKey }
      : {};
  const wrong = fc.constantFrom<Record<string, string>>(
    {},
    { authorization: 'Bearer x' },
    { authorization: `Bearer ${'a.'.repeat(3000)}` },
    { 'x-agentops-api-key': "' or 1=1" },
    { ...right, authorization: 'Basic eDp5' },
    { ...right, 'x-request-id': 'x'.repeat(4000) },
  );
  const declared = parameters
    .filter((parameter) => parameter.in === 'header')
    .map(({ name }) => fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.constantFrom('', '1', '-1', '9'.repeat(300), 'x'.repeat(300), 'a b\tc', '\u00ff').map((value) => ({ [name]: value })) }));
  return fc.tuple(fc.oneof({ weight: 9, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: wrong }), ...declared).map((all) => Object.assign({}, ...all) as Record<string, string>);
}

function bodiesOf(description: Description, schema: Schema, known: Known): fc.Arbitrary<Buffer | undefined> {
  const json = nearlyValid(description, schema, known.values).map((value) => Buffer.from(JSON.stringify(value) ?? ''));
  const broken = fc.oneof(
    json.map((body) => body.subarray(0, body.length / 2)),
    json.map((body) => Buffer.concat([body, Buffer.from([0xff, 0xfe, 0xc0])])),
    hostileJson.map((value) => Buffer.from(JSON.stringify(value))),
    fc.constantFrom('', ' ', '{', '[]', 'null', '7', '"text"', '\ufeff{}', '{"a":1e999}', '{"a":NaN}', '{"a":1,"a":2}', '['.repeat(60_000), '{"__proto__":[]}').map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  );
  return fc.oneof({ weight: 8, arbitrary: json }, { weight: 2, arbitrary: broken }, { weight: 1, arbitrary: fc.constant(undefined) });
}

/** As a client would write it in a URL; halves of pairs as the bytes that they would be. */
export function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()) + (text.isWellFormed() ? '' : '%ed%a0%80');
}
