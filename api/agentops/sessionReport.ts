import { metadataOf } from '../../model/metadata.ts';
import type { Json, JsonObject } from '../../model/types.ts';
import { badRequest } from '../problems.ts';
import { isStorable } from '../schemas.ts';
import { check, isObject, requireObject, sessionSchema } from './schemas.ts';

/** What a caller says about a session, in create_session or update_session. */
export interface SessionReport {
  /** Undefined when the body names none. */
  id: string | undefined;
  /** Undefined when the body has none, which is not the same as an empty list. */
  tags: string[] | undefined;
  metadata: JsonObject | undefined;
  agent: { id?: string; name?: string } | undefined;
  /** Everything worth keeping that has no place of its own: host_env, inputs, … */
  details: JsonObject;
  /** The session as it came. */
  raw: JsonObject;
}

/** Fields with a place of their own. */
const placed = ['id', 'session_id', 'init_timestamp', 'end_timestamp', 'end_state', 'end_state_reason', 'tags', 'metadata', 'agent_id', 'agent_name'];
/** What the AgentOps SDK sends along of its inner life, its token among it; and every field with a leading underscore. */
const innerLife = ['config', 'jwt', 'queue', 'lock', 'thread', 'stop_flag', 'is_running', 'event_counts', 'token_cost', 'session_url'];
const notDetails = new Set([...placed, ...innerLife]);

/** Reads `{"session": {…}}` and the flat body alike. Throws a 400 that names the field. */
export function readSessionReport(body: Json): SessionReport {
  const { session: raw, path } = sessionIn(body);
  const session = check(sessionSchema, typeof raw.tags === 'string' ? { ...raw, tags: [raw.tags] } : raw, path);
  const metadata = isObject(raw.metadata) ? raw.metadata : undefined;
  requireStorablePairs(metadata, path);
  const agent = { id: session.agent_id ?? undefined, name: session.agent_name ?? undefined };
  return {
    id: session.id ?? session.session_id ?? undefined,
    tags: session.tags ?? undefined,
    metadata,
    agent: agent.id === undefined && agent.name === undefined ? undefined : agent,
    details: detailsOf(raw),
    raw,
  };
}

/** How the caller spells the way to a field of its session. */
export function sessionField(body: Json, field: string): string {
  return isObject(body) && body.session !== undefined ? `session.${field}` : field;
}

function sessionIn(body: Json): { session: JsonObject; path: string[] } {
  const outer = requireObject(body);
  if (outer.session === undefined) return { session: outer, path: [] };
  return { session: requireObject(outer.session, ['session']), path: ['session'] };
}

function detailsOf(session: JsonObject): JsonObject {
  const kept = Object.entries(session).filter(([key, value]) => value !== null && !key.startsWith('_') && !notDetails.has(key));
  return Object.fromEntries(kept);
}

function requireStorablePairs(metadata: JsonObject | undefined, path: string[]): void {
  for (const [key, value] of Object.entries(metadataOf([], metadata))) {
    if (isStorable(key) && isStorable(value)) continue;
    const field = [...path, 'metadata'].join('.');
    throw badRequest(field, `${field}: keys and values must not contain NUL characters or unpaired surrogates`);
  }
}
