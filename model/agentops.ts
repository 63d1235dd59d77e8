import { canonicalEventType } from './events.ts';
import { metadataOf } from './metadata.ts';
import { textOf } from './payload.ts';
import type { Json, JsonObject } from './types.ts';

/** Type of an event that came without a usable one: it is kept, because one refused event costs the SDK its whole batch. */
export const unknownEventType = 'unknown';

export type EndType = 'ExecutionCompleted' | 'ExecutionFailed' | 'ExecutionCancelled';

/** How a session ended, in Herald's words. */
export interface SessionEnd {
  type: EndType;
  /** `success`, `failure`, `cancelled`, `indeterminate`, or what the agent reported explicitly. */
  outcome: string;
  /** Why: the agent's reason, else a code for cancellations; null when nothing is known. */
  reason: string | null;
}

const endStates: ReadonlyMap<string, { type: EndType; outcome: string; code?: string }> = new Map([
  ['success', { type: 'ExecutionCompleted', outcome: 'success' }],
  ['completed', { type: 'ExecutionCompleted', outcome: 'success' }],
  ['fail', { type: 'ExecutionFailed', outcome: 'failure' }],
  ['failed', { type: 'ExecutionFailed', outcome: 'failure' }],
  ['failure', { type: 'ExecutionFailed', outcome: 'failure' }],
  ['error', { type: 'ExecutionFailed', outcome: 'failure' }],
  ['cancelled', { type: 'ExecutionCancelled', outcome: 'cancelled', code: 'user_requested' }],
  ['canceled', { type: 'ExecutionCancelled', outcome: 'cancelled', code: 'user_requested' }],
  ['timeout', { type: 'ExecutionCancelled', outcome: 'cancelled', code: 'timeout' }],
  ['max_steps', { type: 'ExecutionCancelled', outcome: 'cancelled', code: 'max_steps' }],
]);

const cancellationCodes: readonly string[] = [
  'user_requested',
  'timeout',
  'max_steps',
  'no_activity',
  'budget_exceeded',
  'worker_lost',
];

/**
 * What the end of a session means (DESIGN "Event types"). Case does not matter; an unknown or missing
 * end state is a completion with outcome `indeterminate`. Works on either body: fields may be of any type.
 *
 * @param session Reads `end_state`, `end_state_reason`, `outcome` and `result.outcome`.
 * @param tags The session's tags: one of the form `outcome:…` is the last place to name an outcome.
 */
export function sessionEnd(session: JsonObject, tags: readonly string[]): SessionEnd {
  const known = endStates.get(codeOf(stringOf(session.end_state) ?? ''));
  const { type, outcome, code } = known ?? { type: 'ExecutionCompleted' as const, outcome: 'indeterminate' };
  return {
    type,
    outcome: explicitOutcome(session, tags) ?? outcome,
    reason: reasonOf(type, stringOf(session.end_state_reason), code),
  };
}

/** The outcome that an agent names itself: `outcome`, else `result.outcome`, else a tag `outcome:…` or `outcome=…`. */
export function explicitOutcome(session: JsonObject, tags: readonly string[]): string | undefined {
  const result = session.result;
  const inResult = isObject(result) ? stringOf(result.outcome) : undefined;
  return stringOf(session.outcome) ?? inResult ?? stringOf(metadataOf(tags, undefined).outcome);
}

const kinds: ReadonlyMap<string, string> = new Map([
  ['llm', 'ExecutionStepStarted'],
  ['llms', 'ExecutionStepStarted'],
  ['tool', 'ExecutionActionStarted'],
  ['tools', 'ExecutionActionStarted'],
  ['action', 'ExecutionActionStarted'],
  ['actions', 'ExecutionActionStarted'],
  ['api', 'ExecutionActionStarted'],
  ['apis', 'ExecutionActionStarted'],
  ['error', 'ExecutionActionFailed'],
  ['errors', 'ExecutionActionFailed'],
]);

/**
 * The event type for an event's kind: `llm` → ExecutionStepStarted, `EXECUTION_FAILED` → ExecutionFailed,
 * a custom name stays. A kind that is missing or can be no name gives {@link unknownEventType}.
 */
export function eventTypeOf(kind: Json | undefined): string {
  if (typeof kind !== 'string') return unknownEventType;
  const name = kind.trim();
  return kinds.get(name.toLowerCase()) ?? canonicalEventType(name) ?? unknownEventType;
}

/** The event's kind, under either of its names: `type`, `event_type`. */
export function kindOf(event: JsonObject): Json | undefined {
  return firstOf(event, ['type', 'event_type']);
}

/** The event's id, under either of its names: `id`, `event_id`; undefined when it has none. */
export function eventIdOf(event: JsonObject): string | undefined {
  return stringOf(firstOf(event, ['id', 'event_id']));
}

/** The session's id, under either of its names: `id`, `session_id`; undefined when it has none. */
export function sessionIdOf(session: JsonObject): string | undefined {
  return stringOf(firstOf(session, ['id', 'session_id']));
}

/** What an action was called with, under either of its names: `params`, `input`. */
export function inputOf(event: JsonObject): Json | undefined {
  return firstOf(event, ['params', 'input']);
}

/** What an action answered, under either of its names: `returns`, `output`. */
export function outputOf(event: JsonObject): Json | undefined {
  return firstOf(event, ['returns', 'output']);
}

/** The error or exception that an event carries; undefined when it carries none. */
export function errorOf(event: JsonObject): Json | undefined {
  return [event.error, event.exception].find(
    (value) => value !== undefined && value !== null && value !== false && value !== '',
  );
}

/** Payload of the ExecutionActionFailed that is derived from an action with an error (FACTS: message, actionName, actionId). */
export function actionFailure(event: JsonObject, error: Json): JsonObject {
  const details = isObject(error) ? error : {};
  const name = firstOf(event, ['name', 'action_type']);
  const id = eventIdOf(event);
  return {
    ...details,
    message: firstText(details, ['message', 'details']) ?? textOf(error),
    ...(name === undefined ? {} : { actionName: name }),
    ...(id === undefined ? {} : { actionId: id }),
  };
}

function reasonOf(type: EndType, reason: string | undefined, code: string | undefined): string | null {
  if (reason === undefined) return code ?? null;
  const asCode = codeOf(reason);
  return type === 'ExecutionCancelled' && cancellationCodes.includes(asCode) ? asCode : reason;
}

/** `Max steps`, `max-steps` and `MAX_STEPS` are one code. */
function codeOf(text: string): string {
  return text.trim().toLowerCase().replace(/[\s-]+/g, '_');
}

function firstOf(object: JsonObject, names: readonly string[]): Json | undefined {
  return names.map((name) => object[name]).find((value) => value !== undefined && value !== null);
}

function firstText(object: JsonObject, names: readonly string[]): string | undefined {
  return names.map((name) => stringOf(object[name])).find((value) => value !== undefined);
}

/** Text that says something: numbers and booleans as text; undefined for empty text and everything else. */
function stringOf(value: Json | undefined): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
