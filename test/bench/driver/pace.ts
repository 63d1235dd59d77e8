import { clockMs } from '../clock.ts';

/** Makes one request; is told its number and when it was to be sent. */
export type SendRequest = (request: number, intendedMs: number) => Promise<void>;

/** Keeps `width` requests under way until all have been made: as fast as the server takes them. */
export async function flatOut(requests: number, width: number, send: SendRequest): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < requests) {
      const request = next;
      next += 1;
      await send(request, clockMs());
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, requests) }, worker));
}

/**
 * Sends at a fixed rate whatever the answers take, as clients that do not know of each other do. A request that is
 * late counts from when it was to be sent, so that a server that stalls cannot hide it.
 */
export async function atRate(requests: number, perSecond: number, send: SendRequest): Promise<void> {
  const startMs = clockMs() + 5;
  const underWay: Promise<void>[] = [];
  for (let request = 0; request < requests; ) {
    const intendedMs = startMs + (request * 1000) / perSecond;
    const waitMs = intendedMs - clockMs();
    if (waitMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      continue;
    }
    underWay.push(send(request, intendedMs));
    request += 1;
  }
  await Promise.all(underWay);
}
