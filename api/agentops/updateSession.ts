import { createHash, randomUUID } from 'node:crypto';
import { sessionEnd } from '../../model/agentops.ts';
import { metadataOf } from '../../model/metadata.ts';
import type { Json, JsonObject } from '../../model/types.ts';
import type { NewEvent } from '../../store/append.ts';
import type { LockedSession, SessionUpdate } from '../ingest.ts';
import { requireFittingMetadata } from '../limits.ts';
import type { SessionReport } from './sessionReport.ts';
import { isGiven, readTimestamp } from './timestamps.ts';

export interface SessionChange {
  events?: NewEvent[];
  update?: SessionUpdate;
}

/** What update_session stores, and the events that come of it (DESIGN, "Event types"). */
export function changeOfSession(stored: LockedSession, report: SessionReport, now: string): SessionChange {
  if (!isGiven(report.raw.end_timestamp)) return changeOnly(stored, report, now);
  const end = readEnd(stored, report, now);
  if (stored.endTimestamp === null) return firstEnd(stored, report, end);
  return isRepeated(stored, end) ? {} : laterEnd(stored, end);
}

interface End {
  event: Omit<NewEvent, 'id'>;
  state: string | null;
  reason: string | undefined;
}

function changeOnly(stored: LockedSession, report: SessionReport, now: string): SessionChange {
  const { changed, learned, update } = changesOf(stored, report);
  if (Object.keys(changed).length === 0) return update ? { update } : {};
  const event: NewEvent = {
    id: `${stored.id}:updated:${randomUUID()}`,
    type: 'ExecutionWorkflowUpdated',
    payload: changed,
    occurredAt: now,
    ...withMetadata(learned),
  };
  return { events: [event], update };
}

function firstEnd(stored: LockedSession, report: SessionReport, end: End): SessionChange {
  const { learned, update } = changesOf(stored, report);
  return {
    events: [{ id: `${stored.id}:end`, ...end.event, ...withMetadata(learned) }],
    update: { ...update, endTimestamp: end.event.occurredAt, endState: end.state ?? undefined, endStateReason: end.reason },
  };
}

/** A session ends once: another end is kept for the record, and the workflow notifies nobody of it. */
function laterEnd(stored: LockedSession, end: End): SessionChange {
  const content = JSON.stringify([end.event.occurredAt, end.state, end.reason]);
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16);
  return { events: [{ id: `${stored.id}:end:${hash}`, ...end.event }] };
}

function isRepeated(stored: LockedSession, end: End): boolean {
  return stored.endState === end.state && stored.endTimestamp?.toISOString() === end.event.occurredAt;
}

function readEnd(stored: LockedSession, { raw, tags, details }: SessionReport, now: string): End {
  const { type, outcome, reason } = sessionEnd(raw, tags ?? stored.tags);
  const { host_env: _, ...said } = details;
  const payload: JsonObject = {
    ...said,
    outcome,
    ...(reason === null ? {} : { reason }),
    ...(isGiven(raw.end_state) ? { end_state: raw.end_state as Json } : {}),
    ...(isGiven(raw.end_state_reason) ? { end_state_reason: raw.end_state_reason as Json } : {}),
  };
  return {
    event: { type, payload, occurredAt: readTimestamp(raw.end_timestamp) ?? now },
    state: columnText(raw.end_state) ?? null,
    reason: columnText(raw.end_state_reason),
  };
}

/** What the report changes of tags, metadata and details: as fields of the event, as pairs learned, as update. */
function changesOf(stored: LockedSession, report: SessionReport) {
  const learned = learnedPairs(stored, report);
  const tags = report.tags && !isSame(report.tags.toSorted(), stored.tags.toSorted()) ? report.tags : undefined;
  const metadata = Object.keys(learned).length > 0 ? { ...stored.metadata, ...learned } : undefined;
  if (metadata) requireFittingMetadata(metadata);
  const details = { ...stored.details, ...report.details };
  const changed: JsonObject = { ...(tags ? { tags } : {}), ...(metadata ? { metadata } : {}) };
  const update: SessionUpdate = {
    ...(tags ? { tags } : {}),
    ...(metadata ? { metadata } : {}),
    ...(isSame(details, stored.details) ? {} : { details }),
  };
  return { changed, learned, update: Object.keys(update).length > 0 ? update : undefined };
}

/** Only new tags teach something: a caller repeats its old ones with every update. */
function learnedPairs(stored: LockedSession, report: SessionReport): Record<string, string> {
  const known = new Set(stored.tags);
  const newTags = (report.tags ?? []).filter((tag) => !known.has(tag));
  const pairs = Object.entries(metadataOf(newTags, report.metadata));
  return Object.fromEntries(pairs.filter(([key, value]) => !Object.hasOwn(stored.metadata, key) || stored.metadata[key] !== value));
}

function withMetadata(learned: Record<string, string>): Pick<NewEvent, 'effects'> {
  return Object.keys(learned).length > 0 ? { effects: { metadata: learned } } : {};
}

/** Verbatim, except for what a text column of Postgres cannot hold. */
function columnText(value: Json | undefined): string | undefined {
  if (!isGiven(value)) return undefined;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll('\u0000', '\uFFFD').toWellFormed();
}

function isSame(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
