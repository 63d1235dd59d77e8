import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastReason, openLogFile } from './logFile.ts';
import { endProcess } from './processes.ts';
import { StartError } from './startError.ts';

/** A server that runs beside Herald: Postgres or Temporal. */
export interface Part {
  pid: number;
  /** Fulfilled when the process has ended, for whatever reason. */
  ended: Promise<void>;
  /** Ends it in good order; done when it has ended. */
  stop: () => Promise<void>;
}

export interface PartOptions {
  /** For people: `Postgres`. */
  title: string;
  /** For file names: `postgres`. */
  name: string;
  dataDir: string;
  command: string;
  args: string[];
  spawnOptions?: SpawnOptions;
  /** Told the id of the process as soon as there is one. */
  onSpawn?: (pid: number) => void;
  /** Tells when the server answers; asked again and again. */
  isReady: () => Promise<boolean>;
  readyWithinMs: number;
  /** Lines of the log that tell why it failed. */
  failure: RegExp;
  /** From polite to rude. */
  stopSignals: NodeJS.Signals[];
  stopWithinMs: number;
}

const POLL_MS = 30;

/**
 * Starts a server in a process group of its own, because Ctrl-C in a terminal reaches the whole group of the
 * foreground process and would end the database before those who use it.
 * @throws {StartError} when it ends or does not answer in time.
 */
export async function startPart(options: PartOptions): Promise<Part> {
  const output = openLogFile(options.dataDir, options.name);
  const child = spawn(options.command, options.args, {
    ...options.spawnOptions,
    detached: true,
    stdio: ['ignore', output.descriptor, output.descriptor],
  });
  output.close();
  const ended = once(child, 'exit').then(
    () => undefined,
    () => undefined,
  );
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  const { pid } = child;
  const fail = (what: string): StartError =>
    new StartError(`${options.title} ${what}: ${lastReason(output.file, options.failure)} (more in ${output.file})`);
  if (pid === undefined) {
    await ended;
    throw new StartError(`${options.title} cannot be started: ${options.command} does not run here.`);
  }
  options.onSpawn?.(pid);
  const stop = async () => {
    await endProcess(pid, options.stopSignals, options.stopWithinMs);
  };
  const deadline = Date.now() + options.readyWithinMs;
  while (!(await options.isReady())) {
    if (hasEnded) throw fail('ended while starting');
    if (Date.now() > deadline) {
      await stop();
      throw fail(`did not answer within ${options.readyWithinMs / 1000} s`);
    }
    await sleep(POLL_MS);
  }
  return { pid, ended, stop };
}
