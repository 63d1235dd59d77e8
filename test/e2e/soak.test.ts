import { expect, it } from 'vitest';
import { runSoak } from '../soak/run.ts';

it(
  'loses nothing and does nothing twice in a session of many runs, pauses and messages',
  { timeout: 300_000 },
  async () => {
    const said: string[] = [];
    const options = { events: 400, pauses: 5, maxHistoryEvents: 60, json: true };
    const report = await runSoak(options, (line) => said.push(line), new AbortController().signal).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${said.join('\n')}`);
    });
    const { lost, duplicateEffects } = report;
    expect({ lost, duplicateEffects }, JSON.stringify(report)).toEqual({ lost: 0, duplicateEffects: 0 });
    expect(report.events).toBeGreaterThan(400);
    expect(report.pauses).toBe(6);
    expect(report.runs).toBeGreaterThan(3);
    expect(report.maxHistoryEvents).toBeLessThan(2 * 60);
  },
);
