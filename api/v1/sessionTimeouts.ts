import { createRoute, z } from '@hono/zod-openapi';
import { randomUUID } from 'node:crypto';
import { TIMEOUTS_CHANGED } from '../../model/timeouts.ts';
import { readSession } from '../../store/sessions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { timeoutsInput, timeoutsOf } from '../timeouts.ts';
import { jsonAnswer, jsonBody, missing, refusals } from './answers.ts';
import { type Guards, security } from './guard.ts';
import { sessionIdParam } from './sessions.ts';
import { sessionDetailSchema, viewSessionDetail } from './sessionSchemas.ts';

const change = createRoute({
  tags: ['Sessions'],
  security,
  method: 'patch',
  path: '/sessions/{id}',
  summary: "Change a session's timeouts",
  description: 'At once: a session that has been silent for longer than the new `idle_s` is cancelled. A question that is open keeps its time.',
  request: { params: sessionIdParam, body: jsonBody(z.strictObject({ timeouts: timeoutsInput })) },
  responses: { 200: jsonAnswer('The session', sessionDetailSchema), ...refusals, ...missing },
});

/** Timeouts of one session; they reach its workflow as a silent event, in order with all others. */
export function registerSessionTimeouts(app: ApiRouter, { db, ingest, settings }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...change, middleware: guards.change('ingest') }, async (c) => {
    const { organisationId } = c.var;
    const { id } = c.req.valid('param');
    const timeouts = timeoutsOf(c.req.valid('json').timeouts);
    const changed = await ingest.changeSession(organisationId, id, (stored) =>
      Promise.resolve({
        answer: true,
        update: { timeouts: { ...stored.timeouts, ...timeouts } },
        events: [{ id: `${id}:timeouts:${randomUUID()}`, type: TIMEOUTS_CHANGED, payload: {}, occurredAt: new Date().toISOString(), silent: true, effects: { timeouts } }],
      }),
    );
    const session = changed === 'no_session' ? undefined : await readSession(db, organisationId, id);
    if (!session) throw notFound(`session '${id}'`);
    return c.json(viewSessionDetail(session, settings, organisationId), 200);
  });
}
