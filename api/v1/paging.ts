import { z } from '@hono/zod-openapi';
import type { Page, PageRequest, Position } from '../../store/paging.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const LIMIT_RULE = `must be a whole number from 1 to ${MAX_LIMIT}`;
const CURSOR_RULE = 'is not a cursor of this list; pass next_cursor as it came, or leave it out to begin at the start';

const limit = z.coerce
  .number(LIMIT_RULE)
  .int(LIMIT_RULE)
  .min(1, LIMIT_RULE)
  .max(MAX_LIMIT, LIMIT_RULE)
  .default(DEFAULT_LIMIT)
  .openapi({ type: 'integer', minimum: 1, maximum: MAX_LIMIT, description: 'Entries a page' });

/** Query parameters of a list that is sorted by time of creation. */
export const timePaging = { limit, cursor: cursor(readPosition) };

/** Query parameters of a list that is sorted by a number. */
export const numberPaging = { limit, cursor: cursor(readNumber) };

/** The query parameters as the store wants them. */
export function pageRequest<P>(query: { limit: number; cursor?: P }): PageRequest<P> {
  return query.cursor === undefined ? { limit: query.limit } : { limit: query.limit, after: query.cursor };
}

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({
    data: z.array(item),
    next_cursor: z.string().nullable().openapi({ description: 'Pass it as `cursor` for the next page; null at the end', example: null }),
  });
}

/** A page of the store as the API answers it. */
export function listAnswer<T, V>(page: Page<T, Position | number>, view: (item: T) => V): { data: V[]; next_cursor: string | null } {
  return { data: page.items.map(view), next_cursor: page.next === null ? null : writeCursor(page.next) };
}

export function writeCursor(position: Position | number): string {
  const value = typeof position === 'number' ? position : [position.createdAt, position.id];
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function cursor<P>(read: (value: unknown) => P | undefined) {
  return z
    .string()
    .transform((text, context): P => {
      const position = read(decode(text));
      if (position !== undefined) return position;
      context.addIssue({ code: 'custom', message: CURSOR_RULE });
      return z.NEVER;
    })
    .optional()
    .openapi({ type: 'string', description: '`next_cursor` of the page before' });
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

function readPosition(value: unknown): Position | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [createdAt, id] = value as unknown[];
  if (typeof createdAt !== 'string' || typeof id !== 'string' || !/^\w{1,100}$/.test(id)) return undefined;
  return /^\d{4}(-\d\d){2}T\d\d(:\d\d){2}\.\d{6}Z$/.test(createdAt) && !Number.isNaN(Date.parse(createdAt)) ? { createdAt, id } : undefined;
}

function readNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
