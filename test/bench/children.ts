import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const READY_WITHIN_MS = 60_000;

export interface StartChild {
  /** For people, and for the name of the log: `api`. */
  name: string;
  /** From the root of the repository: `api/main.ts`. */
  script: string;
  env?: Record<string, string>;
  /** Where its log goes. */
  folder: string;
  nodeOptions?: string[];
}

export interface Child {
  name: string;
  pid: number;
  process: ChildProcess;
  /** Asks it to end, and insists after a while. */
  stop(): Promise<void>;
}

/**
 * Starts a process of ours and waits until it says that it is ready.
 * @throws Error with the end of its log.
 */
export async function startChild(options: StartChild): Promise<Child> {
  const { name, folder } = options;
  mkdirSync(folder, { recursive: true });
  const log = path.join(folder, `${name}.log`);
  const output = openSync(log, 'a');
  const child = fork(path.join(root, options.script), [], {
    cwd: root,
    env: { ...withoutSettings(process.env), ...options.env },
    execArgv: options.nodeOptions ?? [],
    serialization: 'advanced',
    stdio: ['ignore', output, output, 'ipc'],
    // A process group of its own: Ctrl-C is for the bench, which then ends its processes in order.
    detached: true,
  });
  closeSync(output);
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS);
  const ready = await new Promise<boolean>((resolve) => {
    child.on('message', (message) => message === 'ready' && resolve(true));
    child.once('exit', () => resolve(false));
    child.once('error', () => resolve(false));
  });
  clearTimeout(timer);
  if (!ready || child.pid === undefined) throw new Error(`The ${name} process did not start:\n${endOf(log)}`);
  return { name, pid: child.pid, process: child, stop: () => stopChild(child) };
}

/** The last lines of a process' log, for an error message. */
export function endOf(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
}

const STOP_WITHIN_MS = 15_000;

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

/** What is measured is the default configuration: nothing of the caller's own settings comes in. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = /^(HERALD_|DATABASE_|TEMPORAL_|NODE_OPTIONS$|PORT$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.test(name)));
}
