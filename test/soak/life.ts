import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../chaos/random.ts';
import type { SoakSession } from './session.ts';

/** What a session went through. */
export interface LifeCounts {
  /** Number of the last event. */
  reported: number;
  pauses: number;
  messages: number;
}

const SEED = 20_240_314;
const LARGEST_REQUEST = 20;
/** Requests under way at a time, as of a client that does not wait for its answers. */
const REQUESTS_AT_ONCE = 4;
const EVENTS_WHILE_PAUSED = 3;
/** One pause in so many lasts long enough for everything to come to rest. */
const LONG_PAUSE_EVERY = 20;
const LONG_PAUSE_MS = 3000;

export interface Life {
  /** Numbers of the events: those after `from`, up to `to` at least. */
  from: number;
  to: number;
  eventsBetweenPauses: number;
  say: (line: string) => void;
  stopping: AbortSignal;
}

/** Lives a session's life: events of many kinds in requests of many sizes, and now and then a pause, in which a little is reported. */
export async function live(session: SoakSession, { from, to, eventsBetweenPauses, say, stopping }: Life): Promise<LifeCounts> {
  const random = createRandom(SEED + from);
  const counts = { reported: from, pauses: 0, messages: 0 };
  const next = () => eventOf((counts.reported += 1), random);

  async function reportUntil(target: number): Promise<void> {
    while (counts.reported < target) {
      const size = Math.min(random.int(1, LARGEST_REQUEST), target - counts.reported);
      await session.report(Array.from({ length: size }, next));
    }
  }

  for (let target = from + eventsBetweenPauses; counts.reported < to; target += eventsBetweenPauses) {
    stopping.throwIfAborted();
    await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, () => reportUntil(Math.min(target, to))));
    counts.pauses += 1;
    await session.pause();
    await session.reaches('paused');
    await session.report(Array.from({ length: EVENTS_WHILE_PAUSED }, next));
    if (counts.pauses % LONG_PAUSE_EVERY === 0) await sleep(LONG_PAUSE_MS);
    if (counts.pauses % 2 === 0) {
      counts.messages += 1;
      await session.message(`Carry on with part ${counts.messages}.`);
    }
    await session.resume();
    await session.reaches('running');
    if (counts.pauses % 10 === 0) say(`${session.accepted.length} events, ${counts.pauses} pauses`);
  }
  return counts;
}

const kinds = ['llm', 'tool', 'action', 'ProgressReported'] as const;

function eventOf(number: number, random: Random): { id: string; type: string; [field: string]: unknown } {
  const common = { id: `e${number}`, type: random.pick(kinds), init_timestamp: '2024-03-14T12:01:03Z' };
  // One in two hundred has a prompt that no history should carry whole.
  const size = random.chance(0.005) ? 20_000 : 200;
  return { ...common, name: `step_${number}`, prompt: `Order ${number}. `.padEnd(size, 'Look at the order and say what is next. ') };
}
