import { z } from '@hono/zod-openapi';
import type { JsonObject } from '../../model/types.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { readJson } from '../limits.ts';
import { createAgent } from './createAgent.ts';
import { foreignSession } from './events.ts';
import type { AgentopsRoute } from './route.ts';
import { agentSchema, requireObject } from './schemas.ts';
import { isGiven } from './timestamps.ts';

const success = z.literal('Success');
const anyObject = z.record(z.string(), z.unknown());
const LOGGED_CHARACTERS = 2000;

export function createAgentRoute(deps: ApiDependencies): AgentopsRoute {
  return {
    paths: ['/create_agent'],
    summary: 'Name an agent of the session',
    description: 'Agents are known by name; a new name is a new agent.',
    security: 'token',
    body: agentSchema,
    example: { id: 'agent-123', name: 'Research Assistant' },
    answer: success,
    async handle(c) {
      const claims = await c.get('keyring').requireSession(c);
      const { value } = await readJson(c, deps.settings.limits.requestBytes);
      await createAgent(deps, claims, value);
      return c.json('Success');
    },
  };
}

/** Threads group model calls in AgentOps' own dashboard; events carry their thread_id, so there is nothing to store. */
export function createThreadRoute({ settings }: ApiDependencies): AgentopsRoute {
  return {
    paths: ['/create_thread'],
    summary: 'Name a thread of the session',
    description: 'Accepted for the sake of older clients. Events keep their thread_id.',
    security: 'token',
    body: anyObject,
    example: { id: 'thread-1' },
    answer: success,
    async handle(c) {
      const claims = await c.get('keyring').requireSession(c);
      const { value } = await readJson(c, settings.limits.requestBytes);
      const thread = requireObject(value);
      if (isGiven(thread.session_id) && thread.session_id !== claims.sessionId) throw foreignSession('session_id');
      return c.json('Success');
    },
  };
}

export function developerErrorsRoute({ settings, log }: ApiDependencies): AgentopsRoute {
  return {
    paths: ['/developer_errors'],
    summary: 'Report an error of the SDK itself',
    description: 'Written to the log of the API.',
    security: 'key',
    body: anyObject,
    example: { error_message: 'division by zero', error_type: 'ZeroDivisionError', sdk_version: '0.3.26' },
    answer: z.object({ status: z.literal('success') }),
    async handle(c) {
      const { organisationId } = await c.get('keyring').requireHeaderKey(c, 'ingest');
      const { value } = await readJson(c, settings.limits.requestBytes);
      log.warn({ organisationId, developerError: loggable(requireObject(value)) }, 'the AgentOps SDK reports an error of its own');
      return c.json({ status: 'success' });
    },
  };
}

/** The fields that tell what happened; arguments and environment may hold secrets. */
function loggable(error: JsonObject): JsonObject {
  const told = ['session_id', 'sdk_version', 'error_type', 'error_name', 'error_message', 'message', 'name', 'trace'];
  const texts = Object.entries(error).flatMap(([field, value]): [string, string][] =>
    told.includes(field) && typeof value === 'string' ? [[field, value.slice(0, LOGGED_CHARACTERS)]] : [],
  );
  return Object.fromEntries(texts);
}
