import { expect, it } from 'vitest';
import { parts } from '../chaos/herald.ts';
import { runChaos } from '../chaos/run.ts';

const SEED = 4;

it(
  'loses nothing and sends nothing twice without a reason while its processes are killed and frozen',
  { timeout: 400_000 },
  async () => {
    const said: string[] = [];
    const options = { seconds: 20, seed: SEED, rate: 50, only: [...parts], json: true, keep: false };
    const report = await runChaos(options, (line) => said.push(line), new AbortController().signal).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${said.join('\n')}`);
    });
    const { lost, unexplained, problems } = report;
    expect({ lost, unexplained, problems }, `${JSON.stringify(report)}\n${said.join('\n')}`).toEqual({ lost: 0, unexplained: 0, problems: [] });
    expect(report.accepted).toBeGreaterThan(100);
    expect(report.delivered).toBe(report.expected);
  },
);
