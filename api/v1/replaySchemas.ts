import { z } from '@hono/zod-openapi';
import type { Replay } from '../../store/replays/replays.ts';
import { shortText } from '../schemas.ts';
import { instant } from './answers.ts';
import { instantFilter } from './filters.ts';

export const replayKinds = ['failed', 'disabled', 'events'] as const;
export const replayStatuses = ['running', 'completed', 'cancelled', 'failed'] as const;

const until = instantFilter.openapi({ description: 'Before then; by default now', example: '2026-03-15T12:00:00Z' });
const dryRun = z.boolean('must be true or false').default(false).openapi({ description: 'Count what would be sent, and send nothing' });

function requiredInstant(description: string) {
  return instantFilter.unwrap().openapi({ type: 'string', format: 'date-time', description, example: '2026-03-14T12:00:00Z' });
}

const id = (example: string) => shortText(255).openapi({ example });
const integrationId = id('int_x2m8q1w7e5r4t6y0u2i8k3v9');
const notificationId = id('ntf_q1w7e5r4t6y0u2i8k3v9x2m8');

const failed = z.strictObject({
  kind: z.literal('failed').openapi({ description: 'Dead letters of an integration' }),
  integration_id: integrationId,
  notification_id: notificationId.optional().openapi({ description: 'Those of this notification alone' }),
  since: requiredInstant('Given up at this time or later'),
  until,
  dry_run: dryRun,
});

const disabled = z.strictObject({
  kind: z.literal('disabled').openapi({ description: 'What was skipped while the integration, or a notification of it, was disabled' }),
  integration_id: integrationId,
  notification_id: notificationId.optional().openapi({ description: 'Those of this notification alone' }),
  since: requiredInstant('Decided at this time or later'),
  until,
  dry_run: dryRun,
});

const events = z.strictObject({
  kind: z.literal('events').openapi({ description: "Past events of the notification's agent, as far as the notification asks for them" }),
  notification_id: notificationId,
  session_id: shortText(255).optional().openapi({ description: 'Those of this session alone', example: '550e8400-e29b-41d4-a716-446655440000' }),
  since: instantFilter.openapi({ description: 'Accepted at this time or later; by default from the beginning' }),
  until,
  dry_run: dryRun,
});

export const newReplaySchema = z
  .discriminatedUnion('kind', [failed, disabled, events], { error: `must be one of: ${replayKinds.join(', ')}` })
  .openapi('NewReplay', { example: { kind: 'failed', integration_id: 'int_x2m8q1w7e5r4t6y0u2i8k3v9', since: '2026-03-14T12:00:00Z' } });

export const replaySchema = z
  .object({
    id: z.string().openapi({ example: 'rpl_w7e5r4t6y0u2i8k3v9x2m8q1' }),
    kind: z.enum(replayKinds),
    status: z.enum(replayStatuses).openapi({ description: '`completed` once every message has ended, delivered or not' }),
    integration_id: z.string().openapi({ example: 'int_x2m8q1w7e5r4t6y0u2i8k3v9' }),
    notification_id: z.string().nullable().openapi({ example: null }),
    session_id: z.string().nullable().openapi({ example: null }),
    since: instant.nullable(),
    until: instant,
    searched: z.boolean().openapi({ description: 'Whether everything the replay is about is found' }),
    found: z.int().openapi({ description: 'Messages found so far', example: 120 }),
    started: z.int().openapi({ description: 'Of those, handed over to be sent', example: 70 }),
    skipped: z.int().openapi({ description: 'Of those, not needed any more when their turn came', example: 0 }),
    delivered: z.int().openapi({ description: 'Of those started', example: 58 }),
    failed: z.int().openapi({ description: 'Of those started: dead letters again', example: 1 }),
    cancelled: z.int().openapi({ description: 'Of those started', example: 0 }),
    error: z.string().nullable().openapi({ description: 'Why the replay failed', example: null }),
    temporal_ui_url: z.string().nullable().openapi({ example: null }),
    created_at: instant,
    completed_at: instant.nullable(),
  })
  .openapi('Replay');

export const dryRunSchema = z
  .object({
    dry_run: z.literal(true),
    kind: z.enum(replayKinds),
    since: instant.nullable(),
    until: instant,
    found: z.int().openapi({ description: 'Messages that a replay would send', example: 120 }),
    complete: z.boolean().openapi({ description: 'False when counting took too long: there are at least so many' }),
  })
  .openapi('ReplayDryRun');

export function viewReplay(replay: Replay, temporalUiUrl: string | null): z.infer<typeof replaySchema> {
  const { id: replayId, kind, status, searched, found, started, skipped, delivered, cancelled, error } = replay;
  return {
    id: replayId,
    kind,
    status,
    integration_id: replay.integrationId,
    notification_id: replay.notificationId,
    session_id: replay.sessionId,
    since: replay.since?.toISOString() ?? null,
    until: replay.until.toISOString(),
    searched,
    found,
    started,
    skipped,
    delivered,
    failed: replay.failed,
    cancelled,
    error,
    temporal_ui_url: temporalUiUrl,
    created_at: replay.createdAt.toISOString(),
    completed_at: replay.completedAt?.toISOString() ?? null,
  };
}
