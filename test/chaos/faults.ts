import { setTimeout as sleep } from 'node:timers/promises';
import { type Herald, type Part, parts } from './herald.ts';
import { signalAll, withDescendants } from './processTree.ts';
import { createRandom, type Random } from './random.ts';

/** One thing that is done to Herald. */
export type Fault =
  /** Kills with -9, two parts at once. */
  | { kind: 'kill'; parts: Part[] }
  /** Kills, and kills again what is starting in its place. */
  | { kind: 'killInStart'; part: Part; afterMs: number }
  /** Stops the processes for a while, with everything they hold, and lets them go on. */
  | { kind: 'freeze'; part: Part; ms: number }
  /** Kills every process of Herald at once, and one of them again while it starts. */
  | { kind: 'killAll'; part: Part; afterMs: number };

/** When a part, or the whole machine, was not at work. Milliseconds since the epoch. */
export interface Disturbance {
  part: Part | 'machine';
  from: number;
  to: number;
}

export interface FaultCounts {
  kills: Record<Part | 'together' | 'inStart' | 'inMigration' | 'all', number>;
  freezes: Record<Part, number>;
}

/** Long enough that every timeout in between strikes. */
export type FreezeMs = Record<Part, number>;

const RESTART_WITHIN_MS = 60_000;
/** A part that is away gets so long to come back before something is done to it. */
const THERE_WITHIN_MS = 15_000;
/** After its process is back a part needs a moment to be at work. */
const WARM_UP_MS = 5000;

/**
 * Without end, in random order: each part alone, then in pairs, while they start, and frozen, half of them in each round;
 * and again.
 *
 * @param withAll Also all at once, when all may be broken.
 */
function* planFaults(random: Random, only: readonly Part[], freezeMs: FreezeMs, withAll: boolean): Generator<Fault, never> {
  let toFreeze: Part[] = [];
  for (;;) {
    yield* random.shuffle(only).map((part): Fault => ({ kind: 'kill', parts: [part] }));
    if (toFreeze.length === 0) toFreeze = random.shuffle(only);
    const inPairs = random.shuffle(only);
    const special: Fault[] = [
      ...[inPairs.slice(0, 2), inPairs.slice(2)].filter((pair) => pair.length > 0).map((pair): Fault => ({ kind: 'kill', parts: pair })),
      { kind: 'killInStart', part: random.pick(only), afterMs: random.int(0, 1500) },
      { kind: 'killInStart', part: random.pick(only), afterMs: random.int(0, 1500) },
      ...toFreeze.splice(0, 2).map((part): Fault => ({ kind: 'freeze', part, ms: freezeMs[part] })),
    ];
    if (withAll && only.length === parts.length) special.push({ kind: 'killAll', part: random.pick(only), afterMs: random.int(500, 4000) });
    yield* random.shuffle(special);
  }
}

/** How much a run asks of Herald. */
export interface Pace {
  freezeMs: FreezeMs;
  /** Between faults, at least and at most. */
  pauseMs: [number, number];
  /** Also everything is killed at once. */
  withAll: boolean;
}

/** A fault and what surrounds it. */
export interface PlannedFault {
  fault: Fault;
  /** Before it. */
  pauseMs: number;
  /** Whether the next one waits until this one is mended. */
  mended: boolean;
}

/**
 * What a run does, without end. It depends on the seed alone, and not on what becomes of it: no chance is shared with
 * anything that depends on how long things take.
 */
export function* planRun(seed: number, only: readonly Part[], pace: Pace): Generator<PlannedFault, never> {
  const random = createRandom(seed);
  const faults = planFaults(random, only, pace.freezeMs, pace.withAll);
  // Mostly the next thing breaks when the last one is mended; else Herald would never get to work.
  for (;;) yield { fault: faults.next().value, pauseMs: random.int(...pace.pauseMs), mended: random.chance(0.7) };
}

/** Does faults to a Herald and keeps the books about it. */
export interface Saboteur {
  inflict(fault: Fault): Promise<void>;
  counts: FaultCounts;
  disturbances: Disturbance[];
  /** Lets everything go on that is frozen. */
  thaw(): void;
}

export function createSaboteur(herald: Herald, random: Random, say: (line: string) => void): Saboteur {
  const counts: FaultCounts = {
    kills: { api: 0, worker: 0, temporal: 0, postgres: 0, together: 0, inStart: 0, inMigration: 0, all: 0 },
    freezes: { api: 0, worker: 0, temporal: 0, postgres: 0 },
  };
  const disturbances: Disturbance[] = [];
  const frozen = new Set<number>();

  /** Postgres is many processes: the loss of one connection's must be survived like that of the main one. */
  function kill(part: Part): number | undefined {
    const pid = herald.pidOf(part);
    if (pid === undefined) return undefined;
    const family = withDescendants(pid);
    const child = part === 'postgres' && random.chance(0.3) ? family.at(-1) : undefined;
    signalAll(child === undefined ? (random.chance(0.5) ? [pid] : family) : [child], 'SIGKILL');
    counts.kills[part] += 1;
    void watch(part, child === undefined ? pid : undefined);
    return pid;
  }

  /** Notes when the part is at work again. */
  async function watch(part: Part, killed: number | undefined): Promise<void> {
    const disturbance: Disturbance = { part, from: Date.now(), to: Infinity };
    disturbances.push(disturbance);
    await successor(part, killed);
    disturbance.to = Date.now() + WARM_UP_MS;
  }

  async function successor(part: Part, killed: number | undefined, withinMs = RESTART_WITHIN_MS): Promise<boolean> {
    const giveUpAt = Date.now() + withinMs;
    while (Date.now() < giveUpAt) {
      const pid = herald.pidOf(part);
      if (pid !== undefined && pid !== killed) return true;
      await sleep(20, undefined, { ref: false });
    }
    return false;
  }

  async function killInStart(part: Part, afterMs: number): Promise<void> {
    const killed = kill(part);
    if (killed === undefined || !(await successor(part, killed))) return;
    await sleep(afterMs);
    say(`kill -9 ${part}, while it starts`);
    if (kill(part) !== undefined) counts.kills.inStart += 1;
  }

  async function killAll(part: Part, afterMs: number): Promise<void> {
    counts.kills.all += 1;
    herald.killWatcher();
    const killed = parts.map((each) => [each, herald.processesOf(each)] as const);
    for (const [each, pids] of killed) {
      signalAll(pids, 'SIGKILL');
      counts.kills[each] += 1;
      void watch(each, pids[0]);
    }
    const before = killed.find(([each]) => each === part)![1][0];
    if (!(await successor(part, before))) return;
    await sleep(afterMs);
    say(`kill -9 ${part}, while Herald starts`);
    if (kill(part) !== undefined) counts.kills.inStart += 1;
  }

  async function freeze(part: Part, ms: number): Promise<void> {
    const pids = herald.processesOf(part);
    if (pids.length === 0) return;
    const from = Date.now();
    counts.freezes[part] += 1;
    for (const pid of pids) frozen.add(pid);
    const disturbance: Disturbance = { part, from, to: Infinity };
    disturbances.push(disturbance);
    signalAll(pids, 'SIGSTOP');
    await sleep(ms);
    signalAll(pids, 'SIGCONT');
    for (const pid of pids) frozen.delete(pid);
    disturbance.to = Date.now() + WARM_UP_MS;
  }

  return {
    counts,
    disturbances,
    thaw: () => signalAll([...frozen], 'SIGCONT'),
    async inflict(fault) {
      for (const part of partsOf(fault)) await successor(part, undefined, THERE_WITHIN_MS);
      say(describe(fault));
      if (fault.kind === 'freeze') return freeze(fault.part, fault.ms);
      if (fault.kind === 'killInStart') return killInStart(fault.part, fault.afterMs);
      if (fault.kind === 'killAll') return killAll(fault.part, fault.afterMs);
      const hit = fault.parts.filter((part) => kill(part) !== undefined);
      if (hit.length > 1) counts.kills.together += 1;
    },
  };
}

function partsOf(fault: Fault): Part[] {
  return fault.kind === 'kill' ? fault.parts : [fault.part];
}

function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `kill -9 ${fault.parts.join(' and ')}`;
    case 'killInStart':
      return `kill -9 ${fault.part}, to be killed again while it starts`;
    case 'freeze':
      return `SIGSTOP ${fault.part} for ${fault.ms / 1000} s`;
    case 'killAll':
      return 'kill -9 everything';
  }
}
