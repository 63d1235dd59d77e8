import type { SoakReport } from './run.ts';

/** What a soak measured. */
export type Measured = Omit<SoakReport, 'problems'>;

/** A run hands over between two rounds of work, so that the last one and what arrives meanwhile come on top. */
const HISTORY_EVENTS_ON_TOP = 100;
/** Of a run's history. */
export const MAX_HISTORY_BYTES = 1024 * 1024;
/** A worker takes some 250 MB more until about 70,000 events and then no more; one that kept what it had decided would need far more. */
export const MAX_RSS_GROWTH_MB = 384;

/** What must not be, in sentences. @param handOverAt At how many history events a run is to hand over. */
export function problemsOf(measured: Measured, handOverAt: number): string[] {
  const { events, lost, duplicateEffects, runs, maxHistoryEvents, maxHistoryBytes, workerRssMbStart, workerRssMbEnd } = measured;
  const mostEvents = handOverAt + HISTORY_EVENTS_ON_TOP;
  const growthMb = workerRssMbEnd - workerRssMbStart;
  const found: [boolean, string][] = [
    [events === 0, 'no event was accepted'],
    [lost !== 0, `${lost} events have no message`],
    [duplicateEffects !== 0, `${duplicateEffects} messages came although there was one for their event`],
    [runs === 0 || maxHistoryEvents === 0 || maxHistoryBytes === 0, 'the Temporal server told of no runs, or of no history'],
    [maxHistoryEvents > mostEvents, `a run has ${maxHistoryEvents} history events; ${mostEvents} are allowed`],
    [maxHistoryBytes >= MAX_HISTORY_BYTES, `a run's history has ${maxHistoryBytes} bytes; it must stay below ${MAX_HISTORY_BYTES}`],
    [workerRssMbStart === 0 || workerRssMbEnd === 0, "the worker's memory could not be read"],
    [growthMb > MAX_RSS_GROWTH_MB, `the worker's memory grew by ${growthMb} MB; ${MAX_RSS_GROWTH_MB} are allowed`],
  ];
  return found.flatMap(([isSo, sentence]) => (isSo ? [sentence] : []));
}
