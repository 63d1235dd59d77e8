import { hash, randomUUID } from 'node:crypto';
import { actionFailure, errorOf, eventTypeOf, kindOf } from '../../model/agentops.ts';
import { canonicalEventType } from '../../model/events.ts';
import { textOf } from '../../model/payload.ts';
import { tokenCost, type TokenPrices } from '../../model/pricing.ts';
import { isStatusEvent } from '../../model/session.ts';
import type { Json, JsonObject } from '../../model/types.ts';
import type { NewEvent } from '../../store/append.ts';
import { badRequest, forbidden, tooLarge } from '../problems.ts';
import { isStorable } from '../schemas.ts';
import { check, eventsSchema, requireObject } from './schemas.ts';
import { isGiven, readTimestamp } from './timestamps.ts';

/** No model call has more; a larger number would make nonsense of a session's cost. */
const MAX_TOKENS = 1e12;

export interface EventLimits {
  eventsPerRequest: number;
  eventBytes: number;
}

/**
 * The events of a body, checked: `{"events": […]}`, a bare list, or a single event.
 * @param bodyBytes Size of the whole body: no event of a small body needs measuring.
 */
export function readEvents(body: Json, sessionId: string, limits: EventLimits, bodyBytes = Infinity): JsonObject[] {
  const events = eventsIn(body);
  if (events.length > limits.eventsPerRequest) {
    throw tooLarge(`events: ${events.length} are too many for one request. Send ${limits.eventsPerRequest} at most.`, 'events');
  }
  check(eventsSchema, { events });
  const checked = events as JsonObject[];
  checked.forEach((event, index) => {
    if (isGiven(event.session_id) && event.session_id !== sessionId) throw foreignSession(`events[${index}].session_id`);
    if (bodyBytes > limits.eventBytes) requireSmall(event, index, limits.eventBytes);
  });
  return checked;
}

export function foreignSession(field: string) {
  return forbidden(`${field} is not the session of the token. Use the token that create_session answered for that session.`);
}

/** The events as they are stored, those included that are derived from them. */
export function newEventsOf(events: JsonObject[], sessionId: string, prices: TokenPrices, now: string): NewEvent[] {
  const equals = new Map<string, number>();
  return events.flatMap((event, index) => {
    const id = ownId(event) ?? derivedId(event, sessionId, equals);
    const stored = newEventOf(event, id, index, prices, now);
    const failure = stored.type === 'ExecutionActionStarted' ? failureOf(event, stored) : undefined;
    return failure ? [stored, failure] : [stored];
  });
}

/** The ExecutionActionFailed that follows from an error which an event carries. */
export function failureOf(event: JsonObject, stored: Omit<NewEvent, 'payload'>): NewEvent | undefined {
  const error = errorOf(event);
  if (error === undefined) return undefined;
  return {
    id: `${stored.id}:failed`,
    type: 'ExecutionActionFailed',
    payload: { ...errorFields(event), ...actionFailure(event, error), actionId: stored.id },
    occurredAt: readTimestamp(event.end_timestamp) ?? stored.occurredAt,
    ...(stored.agentRef === undefined ? {} : { agentRef: stored.agentRef }),
  };
}

function errorFields(event: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(event).filter(([field]) => ['error_type', 'code', 'details', 'logs'].includes(field)));
}

/** US dollars, from the token counts of a model call; undefined for an event that has none. */
export function costOf(event: JsonObject, prices: TokenPrices): number | undefined {
  if (!isGiven(event.prompt_tokens) && !isGiven(event.completion_tokens)) return undefined;
  const model = typeof event.model === 'string' ? event.model : undefined;
  return tokenCost(model, tokensOf(event.prompt_tokens), tokensOf(event.completion_tokens), prices);
}

/** A count as number or text; whatever cannot be one counts nothing. */
function tokensOf(count: Json | undefined): number {
  const tokens = typeof count === 'number' || typeof count === 'string' ? Number(count) : 0;
  return tokens <= MAX_TOKENS ? tokens : 0;
}

export function ownId(event: JsonObject): string | undefined {
  return (event.id ?? event.event_id ?? undefined) as string | undefined;
}

function eventsIn(body: Json): Json[] {
  if (Array.isArray(body)) return body;
  const outer = requireObject(body);
  if (Array.isArray(outer.events)) return outer.events;
  if (outer.events === undefined && (isGiven(outer.type) || isGiven(outer.event_type))) return [outer];
  throw badRequest('events', outer.events === undefined ? 'events is required: a list of events.' : 'events must be a list of events.');
}

function newEventOf(event: JsonObject, id: string, index: number, prices: TokenPrices, now: string): NewEvent {
  const type = eventTypeOf(kindOf(event));
  const agentRef = agentRefOf(event, index);
  const cost = type === 'ExecutionStepStarted' ? costOf(event, prices) : undefined;
  const reportedAt = readTimestamp(event.init_timestamp) ?? readTimestamp(event.timestamp);
  return {
    id,
    type,
    payload: payloadOf(event, type),
    occurredAt: reportedAt ?? now,
    ...(reportedAt !== undefined && isStatusEvent(type) ? { effects: { datedByReporter: true as const } } : {}),
    ...(agentRef === undefined ? {} : { agentRef }),
    ...(cost === undefined ? {} : { tokenCost: cost }),
  };
}

/** Every field the event came with, without its ids, and without a type that the event's own type repeats. */
function payloadOf(event: JsonObject, type: string): JsonObject {
  const { id: _id, event_id: _eventId, session_id: _sessionId, ...payload } = event;
  for (const field of ['type', 'event_type']) {
    const value = event[field];
    if (typeof value === 'string' && canonicalEventType(value.trim()) === type) delete payload[field];
  }
  if (type !== 'ExecutionActionFailed' || isGiven(payload.message)) return payload;
  const message = [event.details, event.error, event.error_type].find(isGiven);
  return message === undefined ? payload : { ...payload, message: textOf(message) };
}

function agentRefOf(event: JsonObject, index: number): string | undefined {
  const ref = event.agent_id;
  if (typeof ref !== 'string' || ref === '' || ref.length > 255) return undefined;
  if (isStorable(ref)) return ref;
  const field = `events[${index}].agent_id`;
  throw badRequest(field, `${field}: must not contain NUL characters or unpaired surrogates`);
}

/** The same event sent again has the same id, if it says when it happened; equal events of one request differ by their order. */
function derivedId(event: JsonObject, sessionId: string, equals: Map<string, number>): string {
  if (![event.init_timestamp, event.timestamp, event.end_timestamp].some(isGiven)) return randomUUID();
  const content = JSON.stringify([sessionId, event]);
  const ordinal = equals.get(content) ?? 0;
  equals.set(content, ordinal + 1);
  return hash('sha256', `${ordinal} ${content}`).slice(0, 32);
}

function requireSmall(event: JsonObject, index: number, maxBytes: number): void {
  if (Buffer.byteLength(JSON.stringify(event)) <= maxBytes) return;
  throw tooLarge(`events[${index}] is larger than ${maxBytes} bytes. Shorten it.`, `events[${index}]`);
}
