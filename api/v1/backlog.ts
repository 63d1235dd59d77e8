import { createRoute, z } from '@hono/zod-openapi';
import { readBacklog } from '../../store/backlog.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { ApiRouter } from '../router.ts';
import { jsonAnswer, refusals } from './answers.ts';
import { type Guards, security } from './guard.ts';

const seconds = (description: string, example: number) => z.number().nullable().openapi({ description: `${description}, in seconds; null when there is none`, example });

const backlogSchema = z
  .object({
    undecided: z.object({
      events: z.int().openapi({ description: 'Accepted events that are not decided yet', example: 12 }),
      sessions: z.int().openapi({ description: 'Sessions that have such events', example: 3 }),
      oldest_age_s: seconds('Since the oldest of them was accepted', 0.4),
    }),
    deliveries: z.object({
      pending: z.int().openapi({ description: 'Messages whose first attempt has no outcome yet', example: 2 }),
      oldest_pending_age_s: seconds('Since the oldest of them was decided', 0.1),
      retrying: z.int().openapi({ description: 'Messages that wait for another attempt', example: 0 }),
    }),
    requests: z
      .object({
        waiting: z.int().openapi({ example: 0 }),
        oldest_age_s: seconds('Since the oldest of them came', 0),
      })
      .openapi({ description: 'Requests with events that wait for Postgres, of all organisations, in the process that answers' }),
  })
  .openapi('Backlog');

const readOne = createRoute({
  tags: ['Installation'],
  security,
  method: 'get',
  path: '/backlog',
  summary: 'What is accepted and not done yet',
  description: 'After a burst it goes back to zero. An age that grows says that the workers, or the Temporal server, cannot keep up, or are away.',
  responses: { 200: jsonAnswer('Size and age of the backlog', backlogSchema), ...refusals },
});

/** How much is waiting, and for how long: what an operator looks at first under overload. */
export function registerBacklog(app: ApiRouter, { db, ingest }: ApiDependencies, guards: Guards): void {
  app.openapi({ ...readOne, middleware: guards.read('ingest') }, async (c) => {
    const stored = await readBacklog(db, c.var.organisationId);
    const { requests, oldestMs } = ingest.backlog();
    return c.json(
      {
        undecided: { events: stored.undecidedEvents, sessions: stored.undecidedSessions, oldest_age_s: rounded(stored.oldestUndecidedS) },
        deliveries: { pending: stored.pendingDeliveries, oldest_pending_age_s: rounded(stored.oldestPendingS), retrying: stored.retryingDeliveries },
        requests: { waiting: requests, oldest_age_s: requests === 0 ? null : rounded(oldestMs / 1000) },
      },
      200,
    );
  });
}

/** To the millisecond. */
function rounded(value: number | null): number | null {
  return value === null ? null : Math.max(0, Math.round(value * 1000) / 1000);
}
