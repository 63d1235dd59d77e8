import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createDeliveryStarter } from '../../../activities/deliveryStarts.ts';

const log = pino({ level: 'silent' });

function delivery(number: number) {
  return { organisationId: 'org', deliveryId: `dlv_${number}`, integrationId: 'int_1', eventType: 'ExecutionFailed', attemptsMade: 0, firstDelayMs: 0 };
}

describe('the workflows of deliveries', () => {
  it('are started few at a time, however many are asked for', async () => {
    const started: string[] = [];
    let underWay = 0;
    let most = 0;
    const start = createDeliveryStarter(
      {
        async startDelivery({ deliveryId }) {
          underWay += 1;
          most = Math.max(most, underWay);
          await new Promise((resolve) => setTimeout(resolve, 1));
          underWay -= 1;
          started.push(deliveryId);
        },
      },
      log,
    );
    await Promise.all(Array.from({ length: 200 }, (_, number) => start(delivery(number))));
    expect(new Set(started).size).toBe(200);
    expect(most).toBe(8);
  });

  it('are left to the sweeper for a while when the server does not take one', async () => {
    let calls = 0;
    const start = createDeliveryStarter(
      {
        startDelivery() {
          calls += 1;
          return Promise.reject(new Error('unavailable'));
        },
      },
      log,
    );
    await Promise.all(Array.from({ length: 200 }, (_, number) => start(delivery(number))));
    expect(calls).toBe(8);
  });
});
