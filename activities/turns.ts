import type { Db } from '../store/database.ts';
import { reserveTurns, type TurnRequest } from '../store/rateLimits.ts';

/** Reserves turns under the rate limits that all workers share. */
export interface Turns {
  /** Milliseconds from now until each of the turns asked for; 0 for now. */
  reserve(request: TurnRequest): Promise<number[]>;
}

interface Waiting {
  request: TurnRequest;
  resolve: (waitsMs: number[]) => void;
  reject: (error: unknown) => void;
}

/** Requests that come while others are under way share the next statement. */
export function createTurns(db: Db): Turns {
  let waiting: Waiting[] = [];
  let busy = false;

  async function flush(): Promise<void> {
    if (busy) return;
    busy = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await reserveTogether(batch);
    }
    busy = false;
  }

  async function reserveTogether(batch: Waiting[]): Promise<void> {
    const groups = [...Map.groupBy(batch, ({ request }) => JSON.stringify([request.integrationId, request.channel])).values()];
    try {
      const reserved = await reserveTurns(db, groups.map((group) => together(group.map(({ request }) => request))));
      groups.forEach((group, index) => {
        let rest = reserved[index]!;
        for (const { request, resolve } of group) {
          resolve(rest.slice(0, request.count));
          rest = rest.slice(request.count);
        }
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return {
    reserve: (request) =>
      new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        void flush();
      }),
  };
}

/** The newest limit counts, and the longest pause. */
function together(requests: TurnRequest[]): TurnRequest {
  return {
    ...requests.at(-1)!,
    count: requests.reduce((sum, { count }) => sum + count, 0),
    notBeforeMs: Math.max(...requests.map(({ notBeforeMs }) => notBeforeMs)),
  };
}
