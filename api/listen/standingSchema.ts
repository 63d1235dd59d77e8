import { z } from '@hono/zod-openapi';
import { isEnded } from '../../model/session.ts';
import type { SessionStanding } from '../../store/sessionStanding.ts';
import { instant } from '../v1/answers.ts';
import { sessionStatuses } from '../v1/sessionSchemas.ts';

/** How a session stands, as those who wait for it are told. */
export const standingSchema = z
  .object({
    session_id: z.string().openapi({ example: 'order-12345' }),
    status: z.enum(sessionStatuses).openapi({ example: 'running' }),
    ended: z.boolean().openapi({ description: 'Whether the session is over: nothing more is to be waited for', example: false }),
    confirmation: z
      .object({
        id: z.string().openapi({ example: 'cnf_0f3a5b6c7d8e9fa0b1c2d3e4f5a6b7c8' }),
        status: z.string().openapi({ description: '`pending` until it is answered', example: 'approved' }),
        decided_by: z.string().nullable().openapi({ example: 'alice' }),
        reason: z.string().nullable().openapi({ example: 'Within the budget' }),
        asked_at: instant,
        expires_at: instant.nullable(),
        closed_at: instant.nullable(),
      })
      .nullable()
      .openapi({ description: 'The last question the session asked' }),
    last_seq: z.int().openapi({ description: 'Number of the last stored event', example: 7 }),
    decided_seq: z.int().openapi({ description: '`status` takes events up to this one into account', example: 7 }),
  })
  .openapi('SessionStanding');

export function viewStanding({ id, status, confirmation, lastSeq, decidedSeq }: SessionStanding): z.infer<typeof standingSchema> {
  return {
    session_id: id,
    status,
    ended: isEnded(status),
    confirmation: confirmation && {
      id: confirmation.id,
      status: confirmation.status,
      decided_by: confirmation.decidedBy,
      reason: confirmation.reason,
      asked_at: iso(confirmation.askedAt),
      expires_at: confirmation.expiresAt && iso(confirmation.expiresAt),
      closed_at: confirmation.closedAt && iso(confirmation.closedAt),
    },
    last_seq: lastSeq,
    decided_seq: decidedSeq,
  };
}

function iso(time: string): string {
  return new Date(time).toISOString();
}
