import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { coreSpeed } from './calibration.ts';
import { startChild } from './children.ts';
import type { Cleanup } from './cleanup.ts';
import type { DriverCommands } from './driver/main.ts';
import { type GrowthFigures, runGrowth } from './growth.ts';
import { describeMachine } from './machine.ts';
import type { Bench, MeasuredFigures } from './measure.ts';
import { type NaiveFigures, runNaive } from './naive/run.ts';
import type { BenchOptions } from './options.ts';
import type { ReceiverCommands } from './receiver.ts';
import { commandsOf } from './remote.ts';
import { type Report, reportOf } from './report.ts';
import { runNewSessions, runScenario, scenarios, warmUp } from './scenarios.ts';
import { createSetup } from './setup.ts';
import { givenStack, type Stack, startEmbeddedStack } from './stack.ts';
import { memoryOf } from './usage.ts';

const CONNECTIONS = 32;

/** What each scenario is, for people. */
export const titles: Record<string, string> = {
  ...Object.fromEntries(scenarios.map(({ key, title }) => [key, title])),
  e: '2,000 new sessions, one event each',
  g: 'with idle sessions, 100 events/s',
  naive: 'naive loop, flat out (delivery: 100 events/s)',
};

/** Runs the chosen scenarios. Whatever it starts, it adds to `cleanup`. */
export async function runBench(options: BenchOptions, cleanup: Cleanup, progress: (line: string) => void): Promise<Report> {
  const machine = describeMachine();
  const stack = await stackFor(options, cleanup, progress);
  const { bench, receiverUrl } = await connect(options, stack, cleanup, progress);
  progress('Warming up');
  await warmUp(bench);
  const memory = { 'after warming up': memoryOf(stack.pids) };
  const measured: Record<string, MeasuredFigures | GrowthFigures> = {};
  let naive: NaiveFigures | null = null;
  for (const key of options.only) {
    if (key === 'naive' && stack.temporalAddress === undefined) {
      progress('The naive loop is left out: --temporal-address is not given.');
      continue;
    }
    progress(`${key}: ${titles[key]}`);
    if (key === 'naive') naive = await runNaive(bench, { receiverUrl, temporalAddress: stack.temporalAddress!, cleanup });
    else measured[key] = await runOne(bench, key, options);
    progress(`  ${JSON.stringify(naive && key === 'naive' ? naive : measured[key])}`);
    Object.assign(memory, { [`after ${key}`]: memoryOf(stack.pids) });
  }
  machine.coreSpeed.after = coreSpeed();
  return reportOf({ machine, scale: options.scale, scenarios: measured, naive, memory });
}

function runOne(bench: Bench, key: string, options: BenchOptions): Promise<MeasuredFigures | GrowthFigures> {
  if (key === 'e') return runNewSessions(bench);
  if (key === 'g') return runGrowth(bench, options);
  return runScenario(bench, scenarios.find((scenario) => scenario.key === key)!);
}

function stackFor(options: BenchOptions, cleanup: Cleanup, progress: (line: string) => void): Promise<Stack> {
  if (options.given) return Promise.resolve(givenStack({ ...options.given, folder: tmpdir() }, cleanup));
  progress('Starting Postgres, Temporal, API and worker in a temporary folder');
  return startEmbeddedStack({ progress, cleanup, keep: options.keep, profileFolder: options.profileFolder });
}

async function connect(
  options: BenchOptions,
  stack: Stack,
  cleanup: Cleanup,
  progress: (line: string) => void,
): Promise<{ bench: Bench; receiverUrl: string }> {
  const pids: Record<string, number> = {};
  const start = async (name: string, script: string) => {
    const child = await startChild({ name, script, folder: stack.folder });
    cleanup.add(() => child.stop());
    pids[name] = child.pid;
    return child.process;
  };
  const receiver = commandsOf<ReceiverCommands>(await start('receiver', 'test/bench/receiver.ts'), 'The receiver');
  const driver = commandsOf<DriverCommands>(await start('driver', 'test/bench/driver/main.ts'), 'The driver');
  const host = options.given?.receiverHost ?? '127.0.0.1';
  const port = await receiver('listen', host === '127.0.0.1' ? host : '0.0.0.0');
  const receiverUrl = `http://${host}:${port}/hook`;
  await driver('connect', { origin: stack.apiUrl, connections: CONNECTIONS });
  const setup = await createSetup(stack, receiverUrl);
  const nonce = `bench-${randomBytes(4).toString('hex')}`;
  return { bench: { stack: { ...stack, pids: { ...stack.pids, ...pids } }, driver, receiver, setup, nonce, scale: options.scale, progress }, receiverUrl };
}
