import { z } from '@hono/zod-openapi';
import { canonicalEventType } from '../../model/events.ts';
import { metadataOf } from '../../model/metadata.ts';
import { readTimestamp } from '../agentops/timestamps.ts';
import { isStorable } from '../schemas.ts';

const INSTANT_RULE = 'must be an ISO 8601 time such as 2026-03-14T12:00:00Z';

/** Any text that can be compared with what is stored. */
export const textFilter = z.string().refine(isStorable, 'must not contain NUL characters').optional();

export const booleanFilter = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((text) => text === 'true')
  .optional();

/** A point in time; without an offset it is UTC. */
export const instantFilter = z
  .string()
  .transform((text, context): Date => {
    // An unescaped `+` of an offset arrives as a blank.
    const time = readTimestamp(text.replace(/(T.*) (\d\d:?\d\d)$/i, '$1+$2'));
    if (time !== undefined) return new Date(time);
    context.addIssue({ code: 'custom', message: INSTANT_RULE });
    return z.NEVER;
  })
  .optional()
  .openapi({ type: 'string', format: 'date-time', example: '2026-03-14T12:00:00Z' });

/** The name of an event type: either form is understood, the canonical one is kept. */
export const eventTypeName = z
  .string()
  .transform((name, context): string => {
    const type = canonicalEventType(name);
    if (type !== undefined) return type;
    const message = 'must be an event type: a letter, then up to 99 letters, digits, dots, hyphens or underscores';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .openapi({
    type: 'string',
    description: 'A name of the catalogue (ExecutionFailed, or EXECUTION_FAILED), or a custom one',
    example: 'ExecutionFailed',
  });

/** `key:value` or `key=value`, as in tags; given several times, all pairs must match. */
export const metadataFilter = z
  .union([z.string(), z.array(z.string())])
  .transform((given, context): Record<string, string> => {
    const texts = [given].flat();
    if (texts.every((text) => /^[^:=]+[:=]/.test(text) && isStorable(text))) return metadataOf(texts, undefined);
    context.addIssue({ code: 'custom', message: 'must be a pair such as environment:production' });
    return z.NEVER;
  })
  .optional()
  .openapi({
    type: 'array',
    items: { type: 'string' },
    description: "Pairs of the session's metadata that must all be equal. Repeat the parameter for several",
    example: ['environment:production'],
  });
