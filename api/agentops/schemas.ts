import { z } from '@hono/zod-openapi';
import type { Json, JsonObject } from '../../model/types.ts';
import { badRequest, fieldName, invalidInput } from '../problems.ts';
import { isStorable, outsideId, shortText } from '../schemas.ts';

const anything = z.unknown().optional();
const timestamp = z.unknown().optional().openapi({ type: 'string', example: '2024-03-14T12:00:00Z' });

const tag = z.union([z.string(), z.number(), z.boolean()], 'must be text').transform(String).refine(isStorable, 'must not contain NUL characters or unpaired surrogates');

export const agentName = shortText(255).openapi({ example: 'Research Assistant' });

/** What Herald reads of a session. Every other field is kept as it came. */
export const sessionSchema = z
  .object({
    id: outsideId.nullish(),
    session_id: outsideId.nullish().openapi({ description: 'Another name for id' }),
    init_timestamp: timestamp,
    end_timestamp: timestamp,
    end_state: anything.openapi({ type: 'string', example: 'Success' }),
    end_state_reason: anything.openapi({ type: 'string', example: 'Task successfully completed' }),
    tags: z.array(tag).nullish().openapi({ example: ['production', 'team:payments'] }),
    metadata: z.record(z.string(), z.unknown()).nullish().openapi({ example: { environment: 'production' } }),
    agent_id: outsideId.nullish().openapi({ description: 'The agent that runs the session' }),
    agent_name: agentName.nullish(),
    host_env: anything.openapi({ type: 'object' }),
    inputs: anything.openapi({ type: 'object' }),
    timeouts: anything.openapi({ type: 'object', description: "Herald's own: idle_s, max_duration_s, pause_s, confirmation_s, on_confirmation_timeout, remind_before_s", example: { idle_s: 600 } }),
  })
  .openapi('AgentopsSession');

/** What Herald reads of an event. Every other field is kept as it came. */
export const eventSchema = z
  .object({
    id: outsideId.nullish(),
    event_id: outsideId.nullish().openapi({ description: 'Another name for id' }),
    type: z.string().nullish().openapi({ example: 'llm', description: 'llm, tool, action, api, error, or the name of an event type' }),
    event_type: z.string().nullish().openapi({ description: 'Another name for type' }),
    session_id: z.unknown().optional(),
    agent_id: anything.openapi({ type: 'string' }),
    init_timestamp: timestamp,
    end_timestamp: timestamp,
  })
  .openapi('AgentopsEvent');

export const eventsSchema = z.object({ events: z.array(eventSchema) }).openapi('AgentopsEvents');

export const agentSchema = z
  .object({
    id: outsideId.nullish().openapi({ example: 'agent-123' }),
    agent_id: outsideId.nullish().openapi({ description: 'Another name for id' }),
    name: agentName.nullish(),
    agent_name: agentName.nullish().openapi({ description: 'Another name for name' }),
    session_id: z.string().nullish(),
  })
  .openapi('AgentopsAgent');

export const errorSchema = z
  .object({ error: z.string().openapi({ example: 'Invalid API key' }), message: z.string().openapi({ example: 'Please check your API key and try again' }) })
  .openapi('AgentopsError');

/** Checks `value` and answers what the schema read of it. Throws a 400 that names the field below `path`. */
export function check<T extends z.ZodType>(schema: T, value: unknown, path: PropertyKey[] = []): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw invalidInput(result.error, path);
  return result.data;
}

/** Throws a 400 unless `value` is a JSON object. */
export function requireObject(value: Json | undefined, path: PropertyKey[] = []): JsonObject {
  if (isObject(value)) return value;
  const name = fieldName(path);
  throw badRequest(name, `${name ?? 'The body'} must be a JSON object.`);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
