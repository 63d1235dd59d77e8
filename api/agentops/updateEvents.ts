import { errorOf } from '../../model/agentops.ts';
import { reportedEventId } from '../../model/eventIds.ts';
import type { TokenPrices } from '../../model/pricing.ts';
import type { JsonObject } from '../../model/types.ts';
import type { NewEvent } from '../../store/append.ts';
import type { StoredEvent } from '../../store/sessionLookup.ts';
import type { SessionUpdate } from '../ingest.ts';
import { badRequest, notFound } from '../problems.ts';
import { costOf, failureOf, ownId } from './events.ts';

const LISTED_IDS = 100;

/** The ids under which the events to update are stored. Throws a 400 when one has none. */
export function requireIds(events: JsonObject[]): string[] {
  return events.map((event, index) => {
    const id = ownId(event);
    if (id !== undefined) return reportedEventId(id);
    throw badRequest(`events[${index}].event_id`, `events[${index}].event_id is required: the id of the event to update.`);
  });
}

/**
 * What update_events stores: patches that readers see merged, and an ExecutionActionFailed for an error that is new.
 * Throws a 404 that lists the ids which the session does not have.
 */
export function changeOfEvents(
  updates: JsonObject[],
  stored: ReadonlyMap<string, StoredEvent>,
  prices: TokenPrices,
  now: string,
): { events: NewEvent[]; update: SessionUpdate } {
  const ids = requireIds(updates);
  requireKnown(ids, stored);
  const patches = new Map<string, JsonObject>();
  updates.forEach((update, index) => {
    const id = ids[index]!;
    patches.set(id, { ...(patches.get(id) ?? stored.get(id)!.patch), ...patchOf(update) });
  });
  const changed = [...patches].map(([id, patch]) => ({ event: stored.get(id)!, patch }));
  return {
    events: changed.map(({ event, patch }) => failureIn(event, patch, now)).filter((failure) => failure !== undefined),
    update: { patches: changed.map(({ event, patch }) => ({ eventId: event.id, patch, ...recomputedCost(event, patch, prices) })) },
  };
}

function requireKnown(ids: string[], stored: ReadonlyMap<string, StoredEvent>): void {
  const unknown = [...new Set(ids.filter((id) => !stored.has(id)))];
  if (unknown.length === 0) return;
  const more = unknown.length > LISTED_IDS ? ` and ${unknown.length - LISTED_IDS} more` : '';
  throw notFound('event', `The session has no events with these ids, and nothing was updated: ${unknown.slice(0, LISTED_IDS).join(', ')}${more}`);
}

function patchOf(update: JsonObject): JsonObject {
  const { id: _id, event_id: _eventId, session_id: _sessionId, ...patch } = update;
  return patch;
}

function recomputedCost(event: StoredEvent, patch: JsonObject, prices: TokenPrices): { tokenCost?: number } {
  const cost = event.type === 'ExecutionStepStarted' ? costOf({ ...event.payload, ...patch }, prices) : undefined;
  return cost === undefined ? {} : { tokenCost: cost };
}

/** Only the first error emits: its event's id is taken from then on. */
function failureIn(event: StoredEvent, patch: JsonObject, now: string): NewEvent | undefined {
  if (event.type === 'ExecutionActionFailed' || errorOf(patch) === undefined) return undefined;
  const agentId = event.payload.agent_id;
  return failureOf(
    { ...event.payload, ...patch },
    { id: event.id, type: event.type, occurredAt: now, ...(typeof agentId === 'string' ? { agentRef: agentId } : {}) },
  );
}
