import { z } from '@hono/zod-openapi';
import { confirmationOutcomes } from '../model/confirmations.ts';
import { effectiveTimeouts, type SessionTimeouts } from '../model/timeouts.ts';

const LONGEST_S = 366 * 86_400;
const RULE = `must be a number of seconds from 1 to ${LONGEST_S}, or null for no limit`;
const OUTCOME_RULE = `must be one of: ${confirmationOutcomes.join(', ')}`;

function seconds(description: string, example: number | null) {
  return z.number(RULE).min(1, RULE).max(LONGEST_S, RULE).nullable().openapi({ description, example });
}

const fields = {
  idle_s: seconds('A running agent that is silent for so long has its session cancelled with `no_activity`', 86_400),
  max_duration_s: seconds('From start to end, pauses included; then the session is cancelled with `timeout`', null),
  pause_s: seconds('How long a session may be paused; then it is cancelled with `timeout`', null),
  confirmation_s: seconds('How long a question waits for its answer', 86_400),
  on_confirmation_timeout: z
    .enum(['approve', 'reject', 'cancel'], OUTCOME_RULE)
    .openapi({ description: 'What happens to a question that nobody answered, or to its session', example: 'reject' }),
  remind_before_s: seconds('So long before a pause or a question times out, ExecutionReminder is emitted', 3600),
};

/** Timeouts as requests set them; absent ones stay. */
export const timeoutsInput = z.strictObject(fields).partial().openapi('TimeoutsInput');

/** The timeouts that hold. */
export const timeoutsSchema = z.object(fields).openapi('Timeouts');

export function timeoutsOf(input: z.output<typeof timeoutsInput>): Partial<SessionTimeouts> {
  const set: { [K in keyof SessionTimeouts]: SessionTimeouts[K] | undefined } = {
    idleMs: milliseconds(input.idle_s),
    maxDurationMs: milliseconds(input.max_duration_s),
    pauseMs: milliseconds(input.pause_s),
    confirmationMs: milliseconds(input.confirmation_s),
    onConfirmationTimeout: input.on_confirmation_timeout,
    reminderMs: milliseconds(input.remind_before_s),
  };
  return Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined));
}

export function viewTimeouts(set: Partial<SessionTimeouts>): z.infer<typeof timeoutsSchema> {
  const { idleMs, maxDurationMs, pauseMs, confirmationMs, onConfirmationTimeout, reminderMs } = effectiveTimeouts(set);
  return {
    idle_s: inSeconds(idleMs),
    max_duration_s: inSeconds(maxDurationMs),
    pause_s: inSeconds(pauseMs),
    confirmation_s: inSeconds(confirmationMs),
    on_confirmation_timeout: onConfirmationTimeout,
    remind_before_s: inSeconds(reminderMs),
  };
}

function milliseconds(given: number | null | undefined): number | null | undefined {
  return typeof given === 'number' ? Math.round(given * 1000) : given;
}

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
