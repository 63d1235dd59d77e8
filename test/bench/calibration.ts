import { createHash } from 'node:crypto';
import { clockMs } from './clock.ts';
import { eventJson } from './driver/events.ts';

const EVENTS = 20_000;
const TURNS = 5;

/**
 * How fast one core is now: events a second that this process can parse, write and hash, at best of some turns. Tells a slow or
 * crowded machine from a slow Herald: the same machine may do a multiple of it at another time.
 */
export function coreSpeed(): number {
  const text = eventJson('calibration', 0, true);
  const turns = Array.from({ length: TURNS }, () => {
    const startedAt = clockMs();
    for (let event = 0; event < EVENTS; event += 1) createHash('sha256').update(JSON.stringify(JSON.parse(text))).digest('hex');
    return (EVENTS * 1000) / (clockMs() - startedAt);
  });
  return Math.round(Math.max(...turns));
}
