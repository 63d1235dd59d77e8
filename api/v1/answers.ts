import { z } from '@hono/zod-openapi';
import type { Json } from '../../model/types.ts';

/** An instant as answers carry it. */
export const instant = z.string().openapi({ format: 'date-time', example: '2026-03-14T12:00:00.000Z' });

/** Whatever a body can hold. (`z.json()` is recursive, which the OpenAPI generator does not survive.) */
export const anyJson: z.ZodType<Json> = z.any();

const problemSchema = z
  .object({
    type: z.string().openapi({ description: 'Kind of problem, for programs; never changes', example: 'urn:herald:problem:invalid-request' }),
    title: z.string().openapi({ example: 'Invalid request' }),
    status: z.int().openapi({ example: 400 }),
    detail: z.string().openapi({ description: 'What is wrong and what to do', example: 'limit: must be a whole number from 1 to 200' }),
    field: z.string().optional().openapi({ description: 'The failing field', example: 'limit' }),
    request_id: z.string().openapi({ description: 'Under which the log knows the request', example: '7d1f0c9e-3f0b-4c35-9d0e-5a8f5d0c2b11' }),
  })
  .openapi('Problem', { description: 'RFC 9457 problem details' });

function problem(description: string) {
  return { description, content: { 'application/problem+json': { schema: problemSchema } } };
}

/** What every route may answer. */
export const refusals = {
  400: problem('The request is not valid; `field` names what is wrong'),
  401: problem('No valid API key'),
  403: problem('The API key lacks the scope'),
};

export const missing = { 404: problem('Not found in this organisation') };
export const conflicting = { 409: problem('In the way of something that exists') };
export const temporarilyUnavailable = { 503: problem('Not now: the same request may succeed later') };
export const oversized = { 413: problem('The body or an event is too large') };

export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { 'application/json': { schema } } };
}

export function jsonAnswer<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { 'application/json': { schema } } };
}

export const idempotencyHeader = z.object({
  'idempotency-key': z.string().optional().openapi({
    description: 'Any text of 1 to 255 printable characters. For 24 hours the same key and body answer what was answered first, with `Idempotent-Replayed: true`; the same key with another body is 409.',
    example: '5f0c1c0a-6f6e-4e0a-9a53-0f9d5d1c7f0e',
  }),
});
