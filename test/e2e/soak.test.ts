import { execFile } from 'node:child_process';
import { expect, it } from 'vitest';
import type { SoakReport } from '../soak/run.ts';

const HAND_OVER_AT = 60;
const WITHIN_MS = 290_000;

/** Runs the command as a person does; answers what it printed, and with what it ended. */
function soak(...args: string[]): Promise<{ code: number; output: string; said: string }> {
  return new Promise((resolve) => {
    execFile('npm', ['run', '-s', 'soak', '--', ...args], { timeout: WITHIN_MS }, (error, output, said) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, output, said });
    });
  });
}

it('loses nothing and does nothing twice in a session of many runs, pauses and messages', { timeout: 300_000 }, async () => {
  const { code, output, said } = await soak('--json', '--events', '400', '--pauses', '5', '--max-history', String(HAND_OVER_AT));
  expect(output, said).toMatch(/^\{.*\}\n$/);
  const report = JSON.parse(output) as SoakReport;
  const number = expect.any(Number) as number;
  expect(report, said).toEqual({
    events: number,
    lost: 0,
    duplicateEffects: 0,
    maxHistoryEvents: number,
    maxHistoryBytes: number,
    runs: number,
    pauses: 6,
    messages: 2,
    workerRssMbStart: number,
    workerRssMbEnd: number,
    seconds: number,
    problems: [],
  } satisfies SoakReport);
  expect(code).toBe(0);
  expect(report.events).toBeGreaterThan(400);
  expect(report.runs).toBeGreaterThan(3);
  expect(report.maxHistoryEvents).toBeGreaterThan(HAND_OVER_AT);
  expect(report.maxHistoryEvents).toBeLessThan(2 * HAND_OVER_AT);
});
