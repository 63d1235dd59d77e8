import { createLogger } from '../config/logger.ts';
import { readSettings, SettingsError } from '../config/settings.ts';
import { installRuntime } from './runtime.ts';
import { startWorker } from './worker.ts';

const settings = settingsOrExit();
const log = createLogger(settings, 'worker');

installRuntime(log);
const worker = await startWorker(settings, log).catch((error: unknown) => {
  log.fatal({ err: error }, 'the worker could not start');
  process.exit(1);
});
log.info({ temporal: settings.temporal.address, namespace: settings.temporal.namespace }, 'the worker is ready');
process.send?.('ready');

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
// Under `npm start` the parent's end, however sudden, is this process' end.
process.once('disconnect', stop);

try {
  await worker.done;
  process.exit(0);
} catch (error) {
  log.fatal({ err: error }, 'the worker broke');
  process.exit(1);
}

function stop(): void {
  if (stopping) return;
  stopping = true;
  setTimeout(() => {
    log.error('the grace time is over; what was not finished is taken over by another worker');
    process.exit(1);
  }, settings.shutdownGraceMs).unref();
  worker.stop();
}

function settingsOrExit(): ReturnType<typeof readSettings> {
  try {
    return readSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
