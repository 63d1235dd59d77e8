import { z } from '@hono/zod-openapi';
import { findEventType, nearestEventType } from '../../model/events.ts';
import { filterOperators } from '../../model/filters.ts';
import type { FieldFilter, Subscription } from '../../model/types.ts';
import { isStorable, shortText } from '../schemas.ts';
import { anyJson } from './answers.ts';
import { eventTypeName } from './filters.ts';

const MAX_RULES = 200;
const MAX_FILTERS = 100;
const MAX_LISTED = 1000;
const MAX_TEXT = 10_000;

/** Operators that ask only whether the field is there. */
const withoutValue = new Set<FieldFilter['operator']>(['exists', 'not_exists']);

const VALUE_RULE = 'must be text, a number, true or false';
const storableText = z
  .string()
  .max(MAX_TEXT, `must be at most ${MAX_TEXT} characters`)
  .refine(isStorable, 'must not contain NUL characters or unpaired surrogates');
const scalar = z.union([storableText, z.number(), z.boolean()], { error: (issue) => (issue.code === 'invalid_union' ? VALUE_RULE : undefined) });
const list = z
  .array(scalar, 'must be a list for the operator in')
  .min(1, 'must list at least one value')
  .max(MAX_LISTED, `must list at most ${MAX_LISTED} values`);

const fieldFilterSchema = z
  .strictObject({
    field: shortText(500).openapi({ description: 'Dotted path into the payload: `result.total`, `items.0.name`', example: 'outcome' }),
    operator: z.enum(filterOperators, `must be one of: ${filterOperators.join(', ')}`).openapi({ example: 'equals' }),
    value: anyJson.optional().openapi({
      description: 'Text, a number or a boolean; a list for `in`; none for `exists` and `not_exists`',
      example: 'payment_declined',
    }),
  })
  .transform(({ field, operator, value }, context): FieldFilter => {
    const filter = { field, operator };
    if (withoutValue.has(operator)) return filter;
    if (value === undefined) {
      context.addIssue({ code: 'custom', path: ['value'], message: `is required with the operator ${operator}` });
      return z.NEVER;
    }
    const checked = (operator === 'in' ? list : scalar).safeParse(value);
    if (checked.success) return { ...filter, value: checked.data };
    for (const issue of checked.error.issues) context.addIssue({ code: 'custom', path: ['value', ...issue.path], message: issue.message });
    return z.NEVER;
  });

const ruleSchema = z.strictObject({
  event: eventTypeName,
  filters: z
    .array(fieldFilterSchema)
    .max(MAX_FILTERS, `must have at most ${MAX_FILTERS} filters`)
    .default([])
    .openapi({ description: 'ANY of them lets the event through; none lets all events of the type through' }),
});

export const subscriptionSchema = z
  .discriminatedUnion(
    'mode',
    [
      z.strictObject({ mode: z.literal('all') }),
      z.strictObject({
        mode: z.literal('custom'),
        rules: z
          .array(ruleSchema)
          .min(1, 'must have at least one rule; {"mode": "all"} subscribes to everything')
          .max(MAX_RULES, `must have at most ${MAX_RULES} rules`),
      }),
    ],
    { error: (issue) => (issue.code === 'invalid_union' ? 'must be all or custom' : undefined) },
  )
  .openapi('Subscription', {
    description: '`all` includes types that do not exist yet. With `custom`, ANY of several rules for one type lets an event through.',
    example: {
      mode: 'custom',
      rules: [{ event: 'ExecutionFailed' }, { event: 'ExecutionCompleted', filters: [{ field: 'outcome', operator: 'equals', value: 'payment_declined' }] }],
    },
  });

/** What looks like a mistake in a subscription, though it may be meant. */
export function warningsOf(subscription: Subscription): string[] {
  if (subscription.mode === 'all') return [];
  return subscription.rules.flatMap(({ event }, index) => {
    if (findEventType(event)) return [];
    const nearest = nearestEventType(event);
    const guess = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
    return [`subscription.rules[${index}].event: ${event} is not a known event type, so only custom events of this name match.${guess}`];
  });
}
