import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { randomUUID } from 'node:crypto';
import type { SessionCommand } from '../../model/session.ts';
import type { JsonObject } from '../../model/types.ts';
import type { CommandAnswer, CommandRequest } from '../commands.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { conflict, notFound, unavailable } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { isStorable, outsideId, shortText } from '../schemas.ts';
import { conflicting, idempotencyHeader, jsonAnswer, missing, refusals, temporarilyUnavailable } from './answers.ts';
import { type Guards, security } from './guard.ts';
import { sessionIdParam } from './sessions.ts';
import { sessionStatuses } from './sessionSchemas.ts';

/** What every command may carry beside its own fields. */
export const commandFields = {
  by: shortText(255).optional().openapi({ description: 'Who wants it, for people. Default: the name of the API key', example: 'sarah@example.com' }),
  request_id: outsideId.optional().openapi({
    description: 'What was carried out under an id is answered again, for ever, and not done again; what was refused is judged again. Default: the Idempotency-Key, else a new one',
    example: '7d1f0c9e-3f0b-4c35-9d0e-5a8f5d0c2b11',
  }),
};

export const reasonField = z.string().max(1000, 'must be at most 1000 characters').refine(isStorable, 'must not contain NUL characters or unpaired surrogates').optional();

export const carriedOutSchema = z
  .object({
    session_id: z.string().openapi({ example: '550e8400-e29b-41d4-a716-446655440000' }),
    status: z.enum(sessionStatuses).openapi({ description: "The session's, after the command", example: 'paused' }),
    event_id: z.string().openapi({ description: 'The event that the command became', example: 'command:7d1f0c9e-3f0b-4c35-9d0e-5a8f5d0c2b11' }),
    seq: z.int().openapi({ example: 12 }),
  })
  .openapi('CarriedOutCommand');

export const commandRefusals = { ...refusals, ...missing, ...conflicting, ...temporarilyUnavailable };

const plainBody = z.strictObject({ reason: reasonField.openapi({ example: 'Waiting for the weekly release' }), ...commandFields }).openapi('SessionCommandBody');

const message = shortText(10_000).openapi({ example: 'Please use the staging database' });
const messageBody = z.strictObject({ message, ...commandFields }).openapi('SessionMessageBody');

function commandRoute<T extends z.ZodType>(name: string, body: T, required: boolean, summary: string, description: string) {
  return createRoute({
    tags: ['Sessions'],
    security,
    method: 'post',
    path: `/sessions/{id}/${name}`,
    summary,
    description,
    request: { params: sessionIdParam, headers: idempotencyHeader, body: { required, content: { 'application/json': { schema: body } } } },
    responses: { 200: jsonAnswer('Carried out', carriedOutSchema), ...commandRefusals },
  });
}

const pause = commandRoute('pause', plainBody, false, 'Pause a session', 'Emits ExecutionPaused. Only a running session can be paused.');
const resume = commandRoute('resume', plainBody, false, 'Resume a session', 'Emits ExecutionResumed. Only a paused session can be resumed.');
const cancel = commandRoute('cancel', plainBody, false, 'Cancel a session', 'Emits ExecutionCancelled with the reason `user_requested`. Refused once the session has ended.');
const tell = commandRoute('messages', messageBody, true, 'Send a message to the agent', 'Emits UserMessageReceived. Refused once the session has ended.');

/** Commands to a session, carried out by its workflow. */
export function registerSessionCommands(app: ApiRouter, deps: ApiDependencies, guards: Guards): void {
  const middleware = guards.create('admin');
  for (const [command, route] of [['pause', pause], ['resume', resume], ['cancel', cancel]] as const) {
    app.openapi({ ...route, middleware }, async (c) => {
      const { reason, ...common } = (c.req.valid('json') as z.output<typeof plainBody> | undefined) ?? {};
      return c.json(await send(c, command, reason === undefined ? {} : { reason }, common), 200);
    });
  }

  app.openapi({ ...tell, middleware }, async (c) => {
    const { message: text, ...common } = c.req.valid('json');
    return c.json(await send(c, 'message', { message: text }, common), 200);
  });

  async function send(c: Context<ApiEnv>, command: SessionCommand, payload: JsonObject, common: CommonFields) {
    const id = c.req.param('id')!;
    return carriedOut(id, await deps.commands.run(c.var.organisationId, id, commandRequest(c, command, payload, common)));
  }
}

type CommonFields = { by?: string | undefined; request_id?: string | undefined };

export function commandRequest(c: Context<ApiEnv>, command: SessionCommand, payload: JsonObject, { by, request_id: requestId }: CommonFields): CommandRequest {
  return {
    requestId: requestId ?? c.req.header('idempotency-key') ?? randomUUID(),
    command,
    payload,
    by: by ?? c.var.apiKey.name,
  };
}

/** What came of a command; throws what the caller is told when nothing did. */
export function carriedOut(sessionId: string, answer: CommandAnswer): z.infer<typeof carriedOutSchema> {
  switch (answer.outcome) {
    case 'done':
      return { session_id: sessionId, status: answer.status, event_id: answer.eventId, seq: answer.seq };
    case 'refused':
      throw conflict(answer.why, { current_status: answer.status });
    case 'no_session':
      throw notFound(`session '${sessionId}'`);
    case 'unavailable':
      throw unavailable('The command could not be carried out in time. Send it again with the same Idempotency-Key or request_id: it is carried out once.');
  }
}
