import { createAttempts } from './attempts.ts';
import { createCommandActivities } from './commands.ts';
import { createCycles } from './cycles.ts';
import { createDeliveryActivities } from './delivery.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createDirectory } from './destinations.ts';
import { createFirstAttempts } from './firstAttempts.ts';
import { createPauses } from './pauses.ts';
import { createQuestions } from './questions.ts';
import { createReplayActivities } from './replay.ts';
import { createSender } from './sender.ts';
import { createSessionActivities } from './session.ts';
import { createSettlingActivities, type SettlingActivities } from './settling.ts';
import { createTakeOver } from './takeOver.ts';
import { createTurns } from './turns.ts';
import type { CommandActivities, DeliveryActivities, ReplayActivities, SessionActivities } from './types.ts';

export type { ActivityDependencies } from './dependencies.ts';
export { createListening, type Listening } from './listening.ts';
export { defaultSendTimings, type SendTimings } from './timings.ts';

/** Batches on their way through the Temporal server at a time, of sessions that a worker listens for. */
const MAX_CYCLES = 8;
/** From handing events to a workflow to recording its decisions; what takes longer makes room for others. Milliseconds. */
const LONGEST_CYCLE_MS = 1000;

export interface Activities {
  session: SessionActivities & CommandActivities;
  delivery: DeliveryActivities;
  replay: ReplayActivities;
  settling: SettlingActivities;
  /** Sends some of the messages whose sender died before it could try, `graceMs` after its lease; answers whether to ask again at once. */
  takeOver(graceMs: number): Promise<boolean>;
  /** Whether a burst of requests waits for a processor: then sessions that have just been decided make room for it. */
  setPressed(isPressed: boolean): void;
  /** Learns which destinations have asked other workers for a pause. */
  refreshPauses(): Promise<void>;
  /** Resolves when no message is being sent that outlived the activity which began it. */
  idle(): Promise<void>;
}

/** The activities of a worker process; both task queues share one sender. */
export function createActivities(deps: ActivityDependencies): Activities {
  const directory = createDirectory(deps.db, deps.secrets);
  const pauses = createPauses(deps.db);
  const turns = createTurns(deps.db);
  const attempts = createAttempts(deps, pauses);
  const sender = createSender(deps, attempts, turns, pauses);
  const questions = createQuestions(deps);
  const cycles = createCycles(MAX_CYCLES, LONGEST_CYCLE_MS);
  const jobsOf = createFirstAttempts(deps, directory, questions);
  return {
    session: { ...createSessionActivities(deps, directory, jobsOf, sender, cycles), ...createCommandActivities(deps) },
    delivery: createDeliveryActivities(deps, directory, questions, attempts, turns),
    replay: createReplayActivities(deps),
    settling: createSettlingActivities(deps, directory, questions),
    takeOver: createTakeOver(deps, jobsOf, sender),
    setPressed: (isPressed) => cycles.setPressed(isPressed),
    refreshPauses: () => pauses.refresh(),
    idle: () => sender.idle(),
  };
}
