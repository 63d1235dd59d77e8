import { createDeliveryActivities } from './delivery.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createDirectory } from './destinations.ts';
import { createFirstAttempts } from './firstAttempts.ts';
import { createSender } from './sender.ts';
import { createSessionActivities } from './session.ts';
import { createTakeOver } from './takeOver.ts';
import type { DeliveryActivities, SessionActivities } from './types.ts';

export type { ActivityDependencies } from './dependencies.ts';
export { createListening, type Listening } from './listening.ts';
export { defaultSendTimings, type SendTimings } from './timings.ts';

export interface Activities {
  session: SessionActivities;
  delivery: DeliveryActivities;
  /** Sends some of the messages whose sender died before it could try, `graceMs` after its lease; answers whether to ask again at once. */
  takeOver(graceMs: number): Promise<boolean>;
  /** Resolves when no message is being sent that outlived the activity which began it. */
  idle(): Promise<void>;
}

/** The activities of a worker process; both task queues share one sender. */
export function createActivities(deps: ActivityDependencies): Activities {
  const directory = createDirectory(deps.db, deps.secrets);
  const sender = createSender(deps);
  const jobsOf = createFirstAttempts(deps, directory);
  return {
    session: createSessionActivities(deps, directory, jobsOf, sender),
    delivery: createDeliveryActivities(deps, directory, sender),
    takeOver: createTakeOver(deps, jobsOf, sender),
    idle: () => sender.idle(),
  };
}
