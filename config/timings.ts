import { z } from 'zod';

const milliseconds = z.int().min(1);

/** How long a worker waits for what, in milliseconds. What is absent has its default (worker/worker.ts); tests shorten it. */
export const timingsSchema = z
  .strictObject({
    send: z
      .strictObject({
        patienceMs: milliseconds,
        leaseMs: milliseconds,
        leaseMarginMs: milliseconds,
        attemptLeaseMs: milliseconds,
        listenMs: z.int().min(0).max(5000),
        retrySchedule: z.array(z.int().min(0)).min(1),
      })
      .partial(),
    relay: z.strictObject({ pauseMs: milliseconds, overlookedMs: milliseconds, againMs: milliseconds }).partial(),
    sweeper: z.strictObject({ pauseMs: milliseconds, graceMs: milliseconds, againMs: milliseconds }).partial(),
    timekeeper: z.strictObject({ pauseMs: milliseconds, graceMs: milliseconds, sessions: z.int().min(1) }).partial(),
    replays: z.strictObject({ pauseMs: milliseconds, graceMs: milliseconds }).partial(),
    movingOn: z.strictObject({ pauseMs: milliseconds }).partial(),
    session: z.strictObject({ agentWaitMs: milliseconds, lingerMs: milliseconds, maxHistoryEvents: z.int().min(10) }).partial(),
  })
  .partial();

export type Timings = z.output<typeof timingsSchema>;
