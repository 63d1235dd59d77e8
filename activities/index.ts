import { createDeliveryActivities } from './delivery.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createDirectory } from './destinations.ts';
import { createSender } from './sender.ts';
import { createSessionActivities } from './session.ts';
import type { DeliveryActivities, SessionActivities } from './types.ts';

export type { ActivityDependencies } from './dependencies.ts';
export { defaultSendTimings, type SendTimings } from './timings.ts';

export interface Activities {
  session: SessionActivities;
  delivery: DeliveryActivities;
  /** Resolves when no message is being sent that outlived the activity which began it. */
  idle(): Promise<void>;
}

/** The activities of a worker process; both task queues share one sender. */
export function createActivities(deps: ActivityDependencies): Activities {
  const directory = createDirectory(deps.db, deps.secrets);
  const sender = createSender(deps);
  return {
    session: createSessionActivities(deps, directory, sender),
    delivery: createDeliveryActivities(deps, directory, sender),
    idle: () => sender.idle(),
  };
}
