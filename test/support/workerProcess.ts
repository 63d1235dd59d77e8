import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WorkerSettings } from '../../worker/worker.ts';

const SETTINGS = 'HERALD_TEST_WORKER_SETTINGS';

/** A worker in a process of its own, for tests that kill it. */
export interface WorkerProcess {
  hasEnded(): boolean;
  /** Ends it as a power failure would. */
  kill(): Promise<void>;
}

export interface WorkerProcessOptions {
  /** Memory it may have for objects; a worker that needs more dies. Default: as Node has it. */
  heapMb?: number;
  /** Variables of its environment beside those of this process. */
  env?: Record<string, string>;
}

export async function startWorkerProcess(settings: WorkerSettings, { heapMb, env }: WorkerProcessOptions = {}): Promise<WorkerProcess> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), {
    env: { ...process.env, ...env, NODE_OPTIONS: '', [SETTINGS]: JSON.stringify(settings) },
    execArgv: heapMb === undefined ? [] : [`--max-old-space-size=${heapMb}`],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const [message] = await Promise.race([once(child, 'message'), ended.then(() => ['ended'])]);
  if (message !== 'ready') throw new Error('the worker process did not start');
  return {
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const given = process.env[SETTINGS];
if (given !== undefined && process.send) {
  const { pino } = await import('pino');
  const { installRuntime } = await import('../../worker/runtime.ts');
  const { startWorker } = await import('../../worker/worker.ts');
  const log = pino({ level: 'silent' });
  installRuntime(log);
  const worker = await startWorker(JSON.parse(given) as WorkerSettings, log);
  process.once('disconnect', () => process.exit());
  process.send('ready');
  await worker.done;
}
