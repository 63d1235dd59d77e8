import { createLogger } from '../config/logger.ts';
import { readSettings, SettingsError } from '../config/settings.ts';
import { isUnavailable } from '../store/unavailable.ts';
import { startApi } from './process.ts';

const settings = settingsOrExit();
const log = createLogger(settings, 'api');
const api = await startApi(settings, log).catch(explainAndExit);
log.info({ port: api.port, url: settings.publicUrl }, 'the API is ready');
process.send?.('ready');

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());
// Under `npm start` the parent's end, however sudden, is this process' end.
process.once('disconnect', () => void stop());

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  setTimeout(() => {
    log.error('the grace time is over; what is stored will be found again');
    process.exit(1);
  }, settings.shutdownGraceMs).unref();
  await api.stop();
  process.exit(0);
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

function explainAndExit(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') process.stderr.write(`Port ${settings.port} is in use. Set PORT to a free one.\n`);
  else if (isUnavailable(error)) process.stderr.write('Postgres cannot be reached. Check DATABASE_URL, and that the server is up.\n');
  else log.fatal({ err: error }, 'the API could not start');
  process.exit(1);
}
