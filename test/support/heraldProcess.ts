import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export type HeraldKind = 'api' | 'worker';

/** A process of Herald's, as `npm run api` and `npm run worker` start it. */
export interface HeraldProcess {
  kind: HeraldKind;
  pid: number;
  /** Asks it to end, as an orchestrator does, and waits for it. */
  stop(): Promise<{ exitCode: number | null; tookMs: number }>;
  /** `kill -9` */
  kill(): Promise<void>;
}

const mains: Record<HeraldKind, string> = {
  api: fileURLToPath(new URL('../../api/main.ts', import.meta.url)),
  worker: fileURLToPath(new URL('../../worker/main.ts', import.meta.url)),
};

/** Resolves when it is ready. It ends with this process at the latest. */
export async function startHeraldProcess(kind: HeraldKind, env: NodeJS.ProcessEnv): Promise<HeraldProcess> {
  const child = fork(mains[kind], { env: { ...withoutSettings(process.env), ...env }, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  const [message] = await Promise.race([once(child, 'message'), ended.then(() => ['ended'])]);
  if (message !== 'ready') throw new Error(`the ${kind} process did not start`);
  return {
    kind,
    pid: child.pid!,
    async stop() {
      const begun = performance.now();
      child.kill('SIGTERM');
      await ended;
      return { exitCode: child.exitCode, tookMs: performance.now() - begun };
    },
    kill: () => end(child, ended),
  };
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

/** The settings are the test's, not the caller's. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = /^(HERALD_|DATABASE_|TEMPORAL_|NODE_OPTIONS$|PORT$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.test(name)));
}
