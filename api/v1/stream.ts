import { createRoute, z } from '@hono/zod-openapi';
import { isEnded } from '../../model/session.ts';
import { findStanding } from '../../store/sessionStanding.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { listenerSecurity, requireListener } from '../listen/caller.ts';
import { createEventStream } from '../listen/eventStream.ts';
import { patiently } from '../patience.ts';
import { badRequest, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { isStorable } from '../schemas.ts';
import { missing, refusals } from './answers.ts';
import { sessionIdParam } from './sessions.ts';

/** A session's workflow stays this long after its end, for events that come late (workflows/session.ts). */
const LINGER_MS = 60_000;
const SEQ_RULE = "must be an event's sequence number, as the stream gave it as id";

const stream = createRoute({
  tags: ['Sessions'],
  security: listenerSecurity,
  method: 'get',
  path: '/sessions/{id}/stream',
  summary: "Listen to a session's events",
  description:
    'Server-sent events. Each event of the session is a message with its sequence number as id; `status` says how the session stands, at ' +
    'first and whenever that changes; `end` that nothing more will come. Begins with what comes next; after a break, with what follows ' +
    '`Last-Event-ID`. Comments keep the connection alive. A client that comes back to a session that is over gets 204.',
  request: {
    params: sessionIdParam,
    query: z.strictObject({
      after_seq: z.coerce.number(SEQ_RULE).int(SEQ_RULE).min(0, SEQ_RULE).optional().openapi({
        type: 'integer',
        description: 'Begin after this event; 0 begins with the first one',
        example: 0,
      }),
    }),
    headers: z.object({
      'last-event-id': z.string().optional().openapi({ description: 'The last id that came. Wins over `after_seq`', example: '7' }),
    }),
  },
  responses: {
    200: {
      description: 'The stream',
      content: { 'text/event-stream': { schema: z.string().openapi({ example: 'id: 7\nevent: status\ndata: {"status":"running"}\n\n' }) } },
    },
    204: { description: 'The session is over, and the client has everything' },
    ...refusals,
    ...missing,
  },
});

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-transform',
  // Proxies like nginx would collect the events otherwise.
  'X-Accel-Buffering': 'no',
};

/** The session's events as they come. */
export function registerStream(app: ApiRouter, { db, watch, log, settings }: ApiDependencies): void {
  const lingerMs = settings.sessionLingerMs ?? LINGER_MS;
  app.openapi({ ...stream, middleware: [requireListener] as const }, async (c) => {
    const { id } = c.req.valid('param');
    const known = lastEventId(c.req.valid('header')['last-event-id']) ?? c.req.valid('query').after_seq;
    const standing = isStorable(id) ? await patiently(() => findStanding(db, c.var.organisationId, id)) : undefined;
    if (!standing) throw notFound(`session '${id}'`);
    const afterSeq = Math.min(known ?? standing.lastSeq, standing.lastSeq);
    const isOver = isEnded(standing.status) && standing.decidedSeq === standing.lastSeq && standing.quietMs >= lingerMs;
    if (isOver && known !== undefined && afterSeq === standing.lastSeq) return c.body(null, 204);
    return c.body(createEventStream({ db, watch, log }, { standing, afterSeq, lingerMs, gone: c.req.raw.signal }), 200, HEADERS);
  });
}

function lastEventId(header: string | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (!/^\d{1,15}$/.test(header)) throw badRequest('Last-Event-ID', `Last-Event-ID: ${SEQ_RULE}`);
  return Number(header);
}
