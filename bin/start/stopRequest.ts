import { commandLineOf, parentOf } from '../../embedded/processes.ts';

/** npm passes on the signal that the terminal has sent to all: the echo is no second request. */
const ECHO_MS = 1000;
const PARENT_POLL_MS = 250;

export interface StopRequest {
  /** Aborted as soon as there is a request. */
  signal: AbortSignal;
  /** Sets what a request does from now on, before the process ends. */
  cleanUpWith: (cleanUp: () => Promise<void>) => void;
}

/**
 * Ends this process in good order on Ctrl-C, on SIGTERM, when its terminal is closed, and when the npm that started it
 * was killed. A second Ctrl-C ends it at once; the next start tidies up.
 */
export function onStopRequest(announce: (line: string) => void): StopRequest {
  let cleanUp = (): Promise<void> => Promise.resolve();
  let requestedAt: number | undefined;
  const requested = new AbortController();

  const request = (line: string) => {
    if (requestedAt !== undefined) {
      if (Date.now() - requestedAt > ECHO_MS) process.exit(1);
      return;
    }
    requestedAt = Date.now();
    announce(line);
    requested.abort();
    void cleanUp().then(
      () => {
        announce('Herald has ended. Everything is kept for the next start.');
        process.exit(0);
      },
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => request('\nStopping Herald; press Ctrl-C again to end it at once.'));
  watchParent(() => request('npm has ended: stopping Herald.'));
  process.once('disconnect', () => request('The program that started Herald has ended: stopping it.'));
  // Nobody may be reading any more.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

  return { signal: requested.signal, cleanUpWith: (newCleanUp) => (cleanUp = newCleanUp) };
}

/** Without npm, whoever started us may go: `node bin/start.ts &` outlives its shell. */
function watchParent(onGone: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  // npm starts a shell that starts us, unless the shell has made way for us.
  const shell = / -c /.test(commandLineOf(process.ppid)) ? process.ppid : undefined;
  const npmOf = () => (shell !== undefined && process.ppid === shell ? parentOf(shell) : process.ppid);
  const npm = npmOf();
  const timer = setInterval(() => {
    if (npmOf() === npm) return;
    clearInterval(timer);
    onGone();
  }, PARENT_POLL_MS);
  timer.unref();
}
