import { leaseAbandoned } from '../store/abandoned.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { FirstAttempts } from './firstAttempts.ts';
import type { Sender, SendJob } from './sender.ts';

const AT_ONCE = 200;

/**
 * Sends messages whose sender died before it could try, as that one would have: in the order of their sessions'
 * events, and many with little work. A workflow for each would keep the server busy for minutes.
 *
 * @returns Whether there may be more, and they can be sent at once.
 */
export function createTakeOver(deps: ActivityDependencies, jobsOf: (attempts: FirstAttempts) => SendJob[], sender: Sender): (graceMs: number) => Promise<boolean> {
  const { db, owner, timings } = deps;
  return async (graceMs) => {
    const leasedAt = performance.now();
    const abandoned = await leaseAbandoned(db, { owner, ms: timings.leaseMs }, graceMs, AT_ONCE);
    const sessions = Map.groupBy(abandoned, (delivery) => delivery.sessionKey);
    const sent = await Promise.all(
      Array.from(sessions, ([key, deliveries]) => {
        const { organisationId, sessionId: id, rulesVersion: version } = deliveries[0]!;
        const jobs = jobsOf({ session: { organisationId, key, id }, deliveries, version, leasedAt });
        return sender.sendInOrder(key, jobs);
      }),
    );
    const isSlow = sent.some((statuses) => Array.from(statuses.values()).includes('sending'));
    return abandoned.length === AT_ONCE && !isSlow;
  };
}
