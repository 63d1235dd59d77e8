import { cpus } from 'node:os';

/**
 * So many requests being stored at a time, on average, on a machine with no more idle time than this press, and go on
 * pressing. Where only the database is slow, it would not help to make room.
 */
const BEGINS = { requests: 12, idleShare: 0.2 };
const GOES_ON = { requests: 6, idleShare: 0.5 };
const WINDOW_MS = 100;
/**
 * A burst is over after so many milliseconds: what goes on is overload, in which accepting and deciding share the machine.
 * The next one begins so many after its end.
 */
const BURST = { longestMs: 5000, pauseMs: 5000 };

/** Whether a burst of requests waits for a processor rather than for the database. */
export interface Pressure {
  /** A request is about to be stored; returns what is to be called when it is. */
  begin(): () => void;
  stop(): void;
}

/** @param onChange Told again and again for as long as requests press, and once when they no longer do. */
export function createPressure(onChange: (isPressing: boolean) => void, idleShare = createIdleMeter(), burst = BURST): Pressure {
  let requests = 0;
  let isPressing = false;
  let requestMs = 0;
  let countedAt = 0;
  let openedAt = 0;
  let begunAt = -Infinity;
  let endedAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;

  function count(change: number): void {
    const now = performance.now();
    requestMs += requests * (now - countedAt);
    countedAt = now;
    requests += change;
  }

  function open(): void {
    idleShare();
    requestMs = 0;
    countedAt = performance.now();
    openedAt = countedAt;
    timer = setTimeout(close, WINDOW_MS).unref();
  }

  function close(): void {
    count(0);
    const wasPressing = isPressing;
    const limits = wasPressing ? GOES_ON : BEGINS;
    const isBusy = requestMs / (countedAt - openedAt) >= limits.requests && idleShare() <= limits.idleShare;
    isPressing = isBusy && countedAt < (wasPressing ? begunAt + burst.longestMs : Infinity) && countedAt > endedAt + burst.pauseMs;
    if (isPressing && !wasPressing) begunAt = countedAt;
    if (wasPressing && !isPressing) endedAt = countedAt;
    timer = undefined;
    if (requests > 0 || isPressing) open();
    if (isPressing || wasPressing) onChange(isPressing);
  }

  return {
    begin() {
      if (!timer) open();
      count(1);
      return () => count(-1);
    },
    stop: () => clearTimeout(timer),
  };
}

/** What share of the machine's processor time was idle since the last call, from 0 to 1. */
function createIdleMeter(): () => number {
  let before = processorTimes();
  return () => {
    const now = processorTimes();
    const share = now.all > before.all ? (now.idle - before.idle) / (now.all - before.all) : 1;
    before = now;
    return share;
  };
}

function processorTimes(): { idle: number; all: number } {
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { idle, all };
}
