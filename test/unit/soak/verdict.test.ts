import { describe, expect, it } from 'vitest';
import { readOptions } from '../../soak/options.ts';
import { isGood, textOf } from '../../soak/report.ts';
import { type Measured, problemsOf } from '../../soak/verdict.ts';

const good: Measured = {
  events: 100_254,
  lost: 0,
  duplicateEffects: 0,
  runs: 134,
  maxHistoryEvents: 2100,
  maxHistoryBytes: 1_048_575,
  pauses: 100,
  messages: 50,
  workerRssMbStart: 500,
  workerRssMbEnd: 756,
  seconds: 180,
};

function reportOf(changes: Partial<Measured> = {}, handOverAt = 2000) {
  const measured = { ...good, ...changes };
  return { ...measured, problems: problemsOf(measured, handOverAt) };
}

describe('the verdict of a soak', () => {
  it('is good up to the bounds', () => {
    expect(reportOf().problems).toEqual([]);
    expect(isGood(reportOf())).toBe(true);
    expect(textOf(reportOf())).toContain('Nothing was lost, and nothing happened twice.');
  });

  it.each<[string, Partial<Measured>, string]>([
    ['nothing was accepted', { events: 0 }, 'no event was accepted'],
    ['an event was lost', { lost: 1 }, '1 events have no message'],
    ['something was done twice', { duplicateEffects: 1 }, '1 messages came although there was one for their event'],
    ['nobody knows the runs', { runs: 0, maxHistoryEvents: 0, maxHistoryBytes: 0 }, 'the Temporal server told of no runs, or of no history'],
    ['the histories have no size', { maxHistoryBytes: 0 }, 'the Temporal server told of no runs, or of no history'],
    ['a run is too long', { maxHistoryEvents: 2101 }, 'a run has 2101 history events; 2100 are allowed'],
    ['a history is too large', { maxHistoryBytes: 1_048_576 }, "a run's history has 1048576 bytes; it must stay below 1048576"],
    ["the worker's memory is not known", { workerRssMbStart: 0, workerRssMbEnd: 0 }, "the worker's memory could not be read"],
    ['the worker grew', { workerRssMbEnd: 885 }, "the worker's memory grew by 385 MB; 384 are allowed"],
  ])('is bad when %s, and says so', (_, changes, sentence) => {
    const report = reportOf(changes);
    expect(report.problems).toEqual([sentence]);
    expect(isGood(report)).toBe(false);
    expect(textOf(report)).toContain(`PROBLEM ${sentence}\nThis must not be.`);
  });

  it('allows runs that hand over earlier no more than that', () => {
    expect(reportOf({ maxHistoryEvents: 160 }, 60).problems).toEqual([]);
    expect(reportOf({ maxHistoryEvents: 161 }, 60).problems).toHaveLength(1);
  });
});

describe('the arguments of a soak', () => {
  it('are those of the long run when there are none', () => {
    expect(readOptions(['--json'])).toEqual({ events: 100_000, pauses: 100, json: true });
    expect(readOptions(['--events', '400', '--pauses', '5', '--max-history', '60'])).toEqual({ events: 400, pauses: 5, json: false, maxHistoryEvents: 60 });
  });

  it.each([['--events', '0'], ['--pauses', 'many'], ['--max-history', '-1'], ['--fast', '1']])('are refused with their name: %s %s', (name, value) => {
    expect(() => readOptions([name, value])).toThrow(name);
  });
});
