import type { Logger } from 'pino';
import type { Workflows } from '../temporal/workflows.ts';
import { createSlots } from './slots.ts';

const AT_ONCE = 8;
/** Who has waited this long for its turn is left to the sweeper, like those whose start failed. */
const PATIENCE_MS = 15_000;
/** After a failure nothing is started for this long: the server is away, or has too much to do. */
const PAUSE_MS = 2000;
const SERVER = 'temporal';

type Delivery = Parameters<Workflows['startDelivery']>[0];

/**
 * Starts the workflows of deliveries, few at a time: of thousands of calls at once the server answers none in time, and
 * does all their work in vain. Resolves when the workflow is started, or left to the sweeper, which finds every
 * delivery that is overdue.
 */
export function createDeliveryStarter(workflows: Pick<Workflows, 'startDelivery'>, log: Logger): (delivery: Delivery) => Promise<void> {
  const slots = createSlots(AT_ONCE);
  let pausedUntil = 0;

  return async (delivery) => {
    if (performance.now() < pausedUntil || !(await slots.acquire(SERVER, PATIENCE_MS))) return;
    try {
      if (performance.now() >= pausedUntil) await workflows.startDelivery(delivery);
    } catch (error) {
      pausedUntil = performance.now() + PAUSE_MS;
      log.warn({ err: error, delivery: delivery.deliveryId }, 'the workflow of a delivery could not be started; the sweeper will');
    } finally {
      slots.release(SERVER);
    }
  };
}
