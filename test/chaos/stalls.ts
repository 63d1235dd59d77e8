import type { Disturbance } from './faults.ts';

const TICK_MS = 100;
/** A process that gets no processor for this long may also miss an answer that came in time. */
const STALL_MS = 1000;

/** Notes when the whole machine stood still, by this process' own clock: more programs run on it than it can serve. */
export function watchStalls(): { stalls: Disturbance[]; stop: () => void } {
  const stalls: Disturbance[] = [];
  let last = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - last > TICK_MS + STALL_MS) stalls.push({ part: 'machine', from: last, to: now });
    last = now;
  }, TICK_MS);
  return { stalls, stop: () => clearInterval(timer) };
}
