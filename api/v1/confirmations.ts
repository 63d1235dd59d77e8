import { createRoute, z } from '@hono/zod-openapi';
import { type Confirmation, confirmationId, listConfirmations, readConfirmation } from '../../store/confirmations.ts';
import { findSessionKey } from '../../store/sessions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { shortText } from '../schemas.ts';
import { anyJson, idempotencyHeader, instant, jsonAnswer, jsonBody, missing, refusals } from './answers.ts';
import { type Guards, security } from './guard.ts';
import { listAnswer, listOf, numberPaging, pageRequest } from './paging.ts';
import { carriedOut, carriedOutSchema, commandFields, commandRefusals, commandRequest, reasonField } from './sessionCommands.ts';
import { sessionIdParam } from './sessions.ts';

const common = { tags: ['Confirmations'], security };
const outcomes = ['approve', 'reject', 'cancel'] as const;
const statuses = ['pending', 'approved', 'rejected', 'cancelled'] as const;
const LONGEST_S = 366 * 86_400;
const WAIT_RULE = `must be a number of seconds from 1 to ${LONGEST_S}`;

const askBody = z
  .strictObject({
    message: shortText(10_000).openapi({ description: 'What is to be confirmed', example: 'Refund 1,240 EUR to customer 4711?' }),
    details: anyJson.optional().openapi({ description: 'Whatever else helps to decide', example: { order: 'order-12345' } }),
    timeout_s: z.number(WAIT_RULE).min(1, WAIT_RULE).max(LONGEST_S, WAIT_RULE).optional().openapi({ description: "Default: the session's `confirmation_s`", example: 3600 }),
    on_timeout: z
      .enum(outcomes, `must be one of: ${outcomes.join(', ')}`)
      .optional()
      .openapi({ description: "What happens when nobody answers in time. Default: the session's `on_confirmation_timeout`", example: 'reject' }),
    ...commandFields,
  })
  .openapi('NewConfirmation');

const decisionBody = z
  .strictObject({
    decision: z.enum(['approve', 'reject'], 'must be one of: approve, reject').openapi({ example: 'approve' }),
    reason: reasonField.openapi({ example: 'Within the limit' }),
    ...commandFields,
  })
  .openapi('ConfirmationDecision');

const confirmationSchema = z
  .object({
    id: z.string().openapi({ example: 'cnf_0f9d5d1c7f0e4a5b8c6d3e2f1a0b9c8d' }),
    session_id: z.string().openapi({ example: '550e8400-e29b-41d4-a716-446655440000' }),
    status: z.enum(statuses).openapi({ description: '`cancelled`: the session went on, ended or asked anew without an answer', example: 'approved' }),
    event_id: z.string().openapi({ description: 'The event that asks', example: 'command:7d1f0c9e-3f0b-4c35-9d0e-5a8f5d0c2b11' }),
    seq: z.int().openapi({ example: 12 }),
    asked: z.record(z.string(), z.unknown()).openapi({ description: 'Payload of the event that asks', example: { message: 'Refund 1,240 EUR to customer 4711?' } }),
    asked_at: instant,
    expires_at: instant.nullable(),
    on_timeout: z.enum(outcomes).openapi({ example: 'reject' }),
    closed_at: instant.nullable(),
    closed_by_event_id: z.string().nullable().openapi({ example: 'command:5f0c1c0a-6f6e-4e0a-9a53-0f9d5d1c7f0e' }),
    decided_by: z.string().nullable().openapi({ description: '`timeout` when nobody answered in time', example: 'sarah@example.com' }),
    reason: z.string().nullable().openapi({ example: 'Within the limit' }),
  })
  .openapi('Confirmation');

const confirmationParams = sessionIdParam.extend({ cid: z.string().openapi({ example: 'cnf_0f9d5d1c7f0e4a5b8c6d3e2f1a0b9c8d' }) });

const ask = createRoute({
  ...common,
  method: 'post',
  path: '/sessions/{id}/confirmations',
  summary: 'Ask for a confirmation',
  description: 'Emits ExecutionAwaitingConfirmation. Only a running session can ask. An agent may as well report that event itself.',
  request: { params: sessionIdParam, headers: idempotencyHeader, body: jsonBody(askBody) },
  responses: { 201: jsonAnswer('Asked', confirmationSchema), ...commandRefusals },
});

const listAll = createRoute({
  ...common,
  method: 'get',
  path: '/sessions/{id}/confirmations',
  summary: "List a session's confirmations, newest first",
  request: { params: sessionIdParam, query: z.strictObject({ ...numberPaging, status: z.enum(statuses, `must be one of: ${statuses.join(', ')}`).optional() }) },
  responses: { 200: jsonAnswer('A page of confirmations', listOf(confirmationSchema)), ...refusals, ...missing },
});

const readOne = createRoute({
  ...common,
  method: 'get',
  path: '/sessions/{id}/confirmations/{cid}',
  summary: 'Read a confirmation',
  request: { params: confirmationParams },
  responses: { 200: jsonAnswer('The confirmation', confirmationSchema), ...refusals, ...missing },
});

const decide = createRoute({
  ...common,
  method: 'post',
  path: '/sessions/{id}/confirmations/{cid}/decision',
  summary: 'Approve or reject',
  description: 'Emits ExecutionResumed with `decision` (approved or rejected) and `decided_by`: the session goes on, and the agent acts on the answer. Only the first decision counts; later ones are refused.',
  request: { params: confirmationParams, headers: idempotencyHeader, body: jsonBody(decisionBody) },
  responses: { 200: jsonAnswer('Decided', carriedOutSchema), ...commandRefusals },
});

/** Questions of sessions to people, and their answers. */
export function registerConfirmations(app: ApiRouter, deps: ApiDependencies, guards: Guards): void {
  const { db, commands } = deps;

  app.openapi({ ...ask, middleware: guards.create('ingest') }, async (c) => {
    const { organisationId } = c.var;
    const { id } = c.req.valid('param');
    const { by, request_id: requestId, ...asked } = c.req.valid('json');
    const answer = await commands.run(organisationId, id, commandRequest(c, 'ask', asked, { by, request_id: requestId }));
    const { event_id: eventId } = carriedOut(id, answer);
    return c.json(viewConfirmation(await requireConfirmation(organisationId, id, confirmationId(await requireSession(organisationId, id), eventId))), 201);
  });

  app.openapi({ ...listAll, middleware: guards.read('ingest') }, async (c) => {
    const { organisationId } = c.var;
    const query = c.req.valid('query');
    const key = await requireSession(organisationId, c.req.valid('param').id);
    const page = await listConfirmations(db, organisationId, key, { status: query.status }, pageRequest(query));
    return c.json(listAnswer(page, viewConfirmation), 200);
  });

  app.openapi({ ...readOne, middleware: guards.read('ingest') }, async (c) => {
    const { id, cid } = c.req.valid('param');
    return c.json(viewConfirmation(await requireConfirmation(c.var.organisationId, id, cid)), 200);
  });

  app.openapi({ ...decide, middleware: guards.create('admin') }, async (c) => {
    const { organisationId } = c.var;
    const { id, cid } = c.req.valid('param');
    const { decision, reason, ...common_ } = c.req.valid('json');
    await requireConfirmation(organisationId, id, cid);
    const payload = { confirmationId: cid, decision, reason: reason ?? null };
    return c.json(carriedOut(id, await commands.run(organisationId, id, commandRequest(c, 'decide', payload, common_))), 200);
  });

  async function requireSession(organisationId: string, id: string): Promise<number> {
    const key = await findSessionKey(db, organisationId, id);
    if (key === undefined) throw notFound(`session '${id}'`);
    return key;
  }

  async function requireConfirmation(organisationId: string, sessionId: string, id: string): Promise<Confirmation> {
    await requireSession(organisationId, sessionId);
    const confirmation = await readConfirmation(db, organisationId, id, sessionId);
    if (!confirmation) throw notFound(`confirmation '${id}'`);
    return confirmation;
  }
}

export function viewConfirmation(confirmation: Confirmation): z.infer<typeof confirmationSchema> {
  return {
    id: confirmation.id,
    session_id: confirmation.sessionId,
    status: confirmation.status,
    event_id: confirmation.eventId,
    seq: confirmation.seq,
    asked: confirmation.asked,
    asked_at: confirmation.askedAt.toISOString(),
    expires_at: confirmation.expiresAt?.toISOString() ?? null,
    on_timeout: confirmation.onTimeout,
    closed_at: confirmation.closedAt?.toISOString() ?? null,
    closed_by_event_id: confirmation.closedByEventId,
    decided_by: confirmation.decidedBy,
    reason: confirmation.reason,
  };
}
