import type { z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import type { JsonObject } from '../model/types.ts';
import { SecretError } from '../store/secrets.ts';
import { isUnavailable, UncertainError } from '../store/unavailable.ts';
import { OverloadedError } from './groupCommit.ts';

export interface ProblemInput {
  status: number;
  /** Stable name of the kind of problem, for programs: `invalid-request`. */
  type: string;
  /** The kind of problem in a few words, for people. */
  title: string;
  /** What is wrong this time and what to do about it. */
  detail: string;
  /** The failing field: `events[3].type`. */
  field?: string;
  /** Further members of a problem+json answer, such as the id of what is in the way. */
  extra?: JsonObject;
  headers?: Record<string, string>;
}

/** What the caller is told instead of an answer. Thrown anywhere below a route; answered by api/errors.ts alone. */
export class Problem extends Error {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly field: string | undefined;
  readonly extra: JsonObject;
  readonly headers: Record<string, string>;

  constructor(input: ProblemInput) {
    super(input.detail);
    this.name = 'Problem';
    this.status = input.status;
    this.type = input.type;
    this.title = input.title;
    this.detail = input.detail;
    this.field = input.field;
    this.extra = input.extra ?? {};
    this.headers = input.headers ?? {};
  }
}

export function badRequest(field: string | undefined, detail: string): Problem {
  return new Problem({ status: 400, type: 'invalid-request', title: 'Invalid request', detail, field });
}

export function unauthorized(title: string, detail: string): Problem {
  return new Problem({
    status: 401,
    type: 'unauthorized',
    title,
    detail,
    headers: { 'WWW-Authenticate': 'Bearer realm="herald"' },
  });
}

export function forbidden(detail: string): Problem {
  return new Problem({ status: 403, type: 'forbidden', title: 'Forbidden', detail });
}

/** @param what The missing thing with its name: `session 'abc'`. */
export function notFound(what: string, detail = `There is no ${what} in this organisation.`): Problem {
  return new Problem({ status: 404, type: 'not-found', title: 'Not found', detail });
}

export function conflict(detail: string, extra?: JsonObject): Problem {
  return new Problem({ status: 409, type: 'conflict', title: 'Conflict', detail, extra });
}

export function tooLarge(detail: string, field?: string): Problem {
  return new Problem({ status: 413, type: 'too-large', title: 'Too large', detail, field });
}

export function unsupportedMediaType(detail: string): Problem {
  return new Problem({ status: 415, type: 'unsupported-media-type', title: 'Unsupported media type', detail });
}

/** The same request may succeed later. */
export function unavailable(detail: string, retryAfterSeconds = 5): Problem {
  const headers = { 'Retry-After': String(retryAfterSeconds) };
  return new Problem({ status: 503, type: 'unavailable', title: 'Temporarily unavailable', detail, headers });
}

/** The first thing a schema found wrong, as a 400 that names the field. */
export function invalidInput(error: z.ZodError, prefix: PropertyKey[] = []): Problem {
  const issue = error.issues[0];
  if (!issue) return badRequest(undefined, 'The request is not valid.');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const field = fieldName([...prefix, ...issue.path, ...unknown]);
  const reason = reasonOf(issue);
  return badRequest(field, field ? `${field}: ${reason}` : reason);
}

/** A schema's own words, where it has any; the library's say nothing about what to do. */
function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys' && issue.message.startsWith('Unrecognized')) return 'is not known here. Leave it out, or check the spelling.';
  return issue.message.endsWith('received undefined') ? 'is required' : issue.message;
}

/** `['events', 3, 'type']` as people write it: `events[3].type`. */
export function fieldName(path: readonly PropertyKey[]): string | undefined {
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return name === '' ? undefined : name.replace(/^\./, '');
}

/** Any thrown value as what the caller may be told, or undefined when it is a fault of ours. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException) return problemOfHttpException(error);
  if (error instanceof OverloadedError) return unavailable(`${error.message} ${whatIsStored(error)}`, error.retryAfterS);
  if (error instanceof UncertainError) return unavailable('The database did not say whether the change was made. See whether it was before you make it again.');
  if (isUnavailable(error)) return unavailable('The database cannot be reached. Nothing was stored; try again.');
  if (error instanceof SecretError) {
    return conflict('The secrets behind this cannot be opened: the key that sealed them is not configured any more. Add it to HERALD_PREVIOUS_SECRET_KEYS, or make it anew.');
  }
  if (isUnstorable(error)) {
    return badRequest(undefined, 'A value cannot be stored. Look for NUL characters and for numbers or dates out of range.');
  }
  return undefined;
}

function problemOfHttpException(error: HTTPException): Problem | undefined {
  if (error.status >= 500) return undefined;
  if (error.status === 415) return unsupportedMediaType('Send the body as JSON with Content-Type: application/json.');
  return new Problem({
    status: error.status,
    type: error.status === 400 ? 'invalid-request' : 'request-failed',
    title: 'Invalid request',
    detail: error.message || 'The request is not valid.',
  });
}

function whatIsStored({ mayBeStored }: OverloadedError): string {
  return mayBeStored ? 'It may have been stored: repeat it with the same ids.' : 'Nothing was stored; try again.';
}

/** SQLSTATE class 22: data exceptions. */
function isUnstorable(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^22[0-9A-Z]{3}$/.test(code);
}
