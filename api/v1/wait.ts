import { createRoute, z } from '@hono/zod-openapi';
import { isEnded } from '../../model/session.ts';
import { findStanding, type SessionStanding } from '../../store/sessionStanding.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { listenerSecurity, requireListener } from '../listen/caller.ts';
import { standingSchema, viewStanding } from '../listen/standingSchema.ts';
import { patiently } from '../patience.ts';
import { notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { isStorable } from '../schemas.ts';
import { jsonAnswer, missing, refusals } from './answers.ts';
import { sessionIdParam } from './sessions.ts';

const untils = ['running', 'decided', 'ended'] as const;
const LONGEST_S = 300;
const TIMEOUT_RULE = `must be a number of seconds from 0 to ${LONGEST_S}`;

const waitQuery = z.strictObject({
  until: z.enum(untils, `must be one of: ${untils.join(', ')}`).openapi({
    description: '`running`: the session runs (again). `decided`: its last question is answered. `ended`: it is over',
    example: 'running',
  }),
  timeout_s: z.coerce
    .number(TIMEOUT_RULE)
    .min(0, TIMEOUT_RULE)
    .max(LONGEST_S, TIMEOUT_RULE)
    .default(60)
    .openapi({ type: 'number', minimum: 0, maximum: LONGEST_S, description: 'How long to wait, in seconds' }),
});

const waitRoute = createRoute({
  tags: ['Sessions'],
  security: listenerSecurity,
  method: 'get',
  path: '/sessions/{id}/wait',
  summary: 'Wait until a session runs, is decided about, or has ended',
  description:
    'Answers at once when it is so already, otherwise when it becomes so, with `reached: true`. Every event that was accepted before ' +
    'is taken into account. When the time is over, or it cannot become so any more because the session has ended, the answer has ' +
    '`reached: false`: ask again unless `ended` is true.',
  request: { params: sessionIdParam, query: waitQuery },
  responses: {
    200: jsonAnswer('How the session stands', z.object({ reached: z.boolean() }).extend(standingSchema.shape).openapi('WaitAnswer')),
    ...refusals,
    ...missing,
  },
});

type Until = (typeof untils)[number];

/** The long poll of agents that wait for a person. */
export function registerWait(app: ApiRouter, { db, watch }: ApiDependencies): void {
  app.openapi({ ...waitRoute, middleware: [requireListener] as const }, async (c) => {
    const { id } = c.req.valid('param');
    const { until, timeout_s: timeoutS } = c.req.valid('query');
    const read = async () => {
      const standing = isStorable(id) ? await patiently(() => findStanding(db, c.var.organisationId, id)) : undefined;
      if (!standing) throw notFound(`session '${id}'`);
      return standing;
    };

    const before = await read();
    const isAnswer = (standing: SessionStanding) => standing.decidedSeq >= before.lastSeq && (isReached(standing, until) || isEnded(standing.status));
    const wait = { isAwaited: isAnswer, ms: timeoutS * 1000, gone: c.req.raw.signal, everyEvent: before.decidedSeq < before.lastSeq };
    const settled = isAnswer(before) ? before : await watch.until(before.key, wait);
    const standing = settled ?? (await read());
    return c.json({ reached: isAnswer(standing) && isReached(standing, until), ...viewStanding(standing) }, 200);
  });
}

function isReached({ status, confirmation }: SessionStanding, until: Until): boolean {
  if (until === 'running') return status === 'running';
  if (until === 'ended') return isEnded(status);
  return confirmation !== null && confirmation.status !== 'pending';
}
