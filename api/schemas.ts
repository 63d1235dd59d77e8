import { z } from '@hono/zod-openapi';

/** Whether Postgres can hold the text: no NUL characters, no halves of surrogate pairs. */
export function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

const UNSTORABLE = 'must not contain NUL characters or unpaired surrogates';

/** A name, tag or other short text of a caller. */
export function shortText(maxLength: number) {
  return z.string().min(1, 'must not be empty').max(maxLength, `must be at most ${maxLength} characters`).refine(isStorable, UNSTORABLE);
}

/** Ids from outside are any text of 1 to 255 characters. */
export const outsideId = shortText(255).openapi({ example: '550e8400-e29b-41d4-a716-446655440000' });
