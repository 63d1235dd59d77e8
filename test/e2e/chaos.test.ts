import { expect, it } from 'vitest';
import { parts } from '../chaos/herald.ts';
import { runChaos } from '../chaos/run.ts';

const SEED = 4;
const SECONDS = 20;
/** Events a second. */
const RATE = 50;

it(
  'loses nothing and sends nothing twice without a reason while its processes are killed and frozen',
  { timeout: 400_000 },
  async () => {
    const said: string[] = [];
    const options = { seconds: SECONDS, seed: SEED, rate: RATE, only: [...parts], json: true, keep: false };
    const report = await runChaos(options, (line) => said.push(line), new AbortController().signal).catch((error: unknown) => {
      throw new Error(`seed ${SEED}: ${String(error)}\n${said.join('\n')}`);
    });
    const { lost, unexplained, problems, kills } = report;
    const story = `seed ${SEED}: ${JSON.stringify(report)}\n${said.join('\n')}`;
    expect({ lost, unexplained, problems }, story).toEqual({ lost: 0, unexplained: 0, problems: [] });
    expect(report.delivered, story).toBe(report.expected);
    // What could not be reported while Herald was away is made up for.
    expect(report.accepted, story).toBeGreaterThan(0.9 * RATE * SECONDS);
    expect(report.acceptedPerSecond, story).toBeGreaterThan(RATE / 10);
    expect(report.acceptedPerSecond, story).toBeLessThan(2 * RATE);
    // Each part is killed first of all; on a slow machine the time may be over before the last one's turn.
    expect(parts.filter((part) => kills[part] > 0).length, story).toBeGreaterThanOrEqual(parts.length - 1);
    expect(Object.keys(report.receiver).length, story).toBeGreaterThan(0);
  },
);
