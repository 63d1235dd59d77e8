import { createRoute, z } from '@hono/zod-openapi';
import { cancelReplay, createReplay, listReplays, readReplay, type Replay } from '../../store/replays/replays.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { replayInTemporalUi } from '../links.ts';
import { conflict, notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { conflicting, idempotencyHeader, jsonAnswer, jsonBody, missing, refusals } from './answers.ts';
import { textFilter } from './filters.ts';
import { type Guards, security } from './guard.ts';
import { listAnswer, listOf, pageRequest, timePaging } from './paging.ts';
import { countFound, scopeOf } from './replayScope.ts';
import { dryRunSchema, newReplaySchema, replayKinds, replaySchema, replayStatuses, viewReplay } from './replaySchemas.ts';

const common = { tags: ['Replays'], security };
const replayIdParam = z.object({ id: z.string().openapi({ example: 'rpl_w7e5r4t6y0u2i8k3v9x2m8q1' }) });

const create = createRoute({
  ...common,
  method: 'post',
  path: '/replays',
  summary: 'Send many messages again, or late',
  description:
    '`failed`: dead letters of an integration, with the same `webhook-id` and the whole retry schedule again. ' +
    '`disabled`: what was skipped while the integration was disabled. ' +
    '`events`: past events through a notification that was created later; what has reached the same destination already is left out. ' +
    'Messages go out a few at a time. Follow the replay with GET, its messages with `GET /v1/deliveries?replay_id=`.',
  request: { headers: idempotencyHeader, body: jsonBody(newReplaySchema) },
  responses: {
    200: jsonAnswer('A dry run: what a replay would send', dryRunSchema),
    202: jsonAnswer('Under way', replaySchema),
    ...refusals,
    ...missing,
    ...conflicting,
  },
});

const listAll = createRoute({
  ...common,
  method: 'get',
  path: '/replays',
  summary: 'List replays, newest first',
  request: {
    query: z.strictObject({
      ...timePaging,
      status: z.enum(replayStatuses, `must be one of: ${replayStatuses.join(', ')}`).optional(),
      kind: z.enum(replayKinds, `must be one of: ${replayKinds.join(', ')}`).optional(),
      integration_id: textFilter,
      notification_id: textFilter,
    }),
  },
  responses: { 200: jsonAnswer('A page of replays', listOf(replaySchema)), ...refusals },
});

const readOne = createRoute({
  ...common,
  method: 'get',
  path: '/replays/{id}',
  summary: 'Read how far a replay is',
  request: { params: replayIdParam },
  responses: { 200: jsonAnswer('The replay', replaySchema), ...refusals, ...missing },
});

const cancel = createRoute({
  ...common,
  method: 'post',
  path: '/replays/{id}/cancel',
  summary: 'Cancel a replay',
  description: 'Nothing further is started. What is started goes on like any delivery, and can be cancelled like one. A replay that has ended is refused with 409.',
  request: { params: replayIdParam, headers: idempotencyHeader },
  responses: { 200: jsonAnswer('Cancelled', replaySchema), ...refusals, ...missing, ...conflicting },
});

/** Replays. Postgres holds them; their workflows are told, and started by a worker when they cannot be. */
export function registerReplays(app: ApiRouter, { db, replays, settings, log }: ApiDependencies, guards: Guards): void {
  const view = (replay: Replay) => viewReplay(replay, replayInTemporalUi(settings, replay.id));

  app.openapi({ ...create, middleware: guards.create('admin') }, async (c) => {
    const wanted = c.req.valid('json');
    const scope = await scopeOf(db, c.var.organisationId, wanted);
    if (wanted.dry_run) {
      const { kind, since, until } = scope;
      const counted = await countFound(db, scope);
      return c.json({ dry_run: true as const, kind, since: since?.toISOString() ?? null, until: until.toISOString(), ...counted }, 200);
    }
    const replay = await createReplay(db, scope);
    tell(replay.id, () => replays.start(replay));
    return c.json(view(replay), 202);
  });

  app.openapi({ ...listAll, middleware: guards.read('admin') }, async (c) => {
    const query = c.req.valid('query');
    const filter = { status: query.status, kind: query.kind, integrationId: query.integration_id, notificationId: query.notification_id };
    return c.json(listAnswer(await listReplays(db, c.var.organisationId, filter, pageRequest(query)), view), 200);
  });

  app.openapi({ ...readOne, middleware: guards.read('admin') }, async (c) => {
    return c.json(view(await requireReplay(c.var.organisationId, c.req.valid('param').id)), 200);
  });

  app.openapi({ ...cancel, middleware: guards.create('admin') }, async (c) => {
    const { organisationId } = c.var;
    const { id } = await requireReplay(organisationId, c.req.valid('param').id);
    const wasRunning = await cancelReplay(db, id);
    const replay = await requireReplay(organisationId, id);
    if (!wasRunning) throw conflict(`The replay '${id}' has ended: it is ${replay.status}.`, { current_status: replay.status });
    tell(id, () => replays.tellCancelled(id));
    return c.json(view(replay), 200);
  });

  async function requireReplay(organisationId: string, id: string): Promise<Replay> {
    const replay = await readReplay(db, organisationId, id);
    if (!replay) throw notFound(`replay '${id}'`);
    return replay;
  }

  /** Nobody waits for a Temporal server that is away. */
  function tell(id: string, send: () => Promise<void>): void {
    send().catch((error: unknown) => log.warn({ err: error, replay: id }, 'the workflow of a replay could not be told; a worker will see to it'));
  }
}
