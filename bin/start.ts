import { randomBytes, randomUUID } from 'node:crypto';
import { readStartSettings, SettingsError, type StartSettings } from '../config/settings.ts';
import { endLeftovers } from '../embedded/leftovers.ts';
import { isFree } from '../embedded/ports.ts';
import { elapsed } from '../embedded/progress.ts';
import { StartError } from '../embedded/startError.ts';
import { keptSecret, takeDataFolder } from './start/dataFolder.ts';
import { endLeftoverProcesses, type HeraldProcess, type ProcessOptions, startHeraldProcess } from './start/herald.ts';
import { startInfrastructure } from './start/infrastructure.ts';
import { keepRunning } from './start/keepRunning.ts';
import { prepareDatabase } from './start/prepareDatabase.ts';
import { processEnvironment } from './start/processEnvironment.ts';
import { onStopRequest } from './start/stopRequest.ts';
import { summaryText } from './start/summary.ts';

const startedAt = Date.now();
const stopRequest = onStopRequest(say);

try {
  await start(readStartSettings(process.env));
} catch (error) {
  if (!stopRequest.signal.aborted) explainAndExit(error);
}

async function start(settings: StartSettings): Promise<void> {
  const { dataDir, shutdownGraceMs } = settings;
  const folder = await takeDataFolder(dataDir);
  process.once('exit', folder.release);
  stopRequest.signal.addEventListener('abort', folder.markStopping);
  stopRequest.cleanUpWith(() => abandonStart(dataDir));

  await endLeftoverProcesses(dataDir);
  if (!(await isFree(settings.port, 'everywhere')) || !(await isFree(settings.port))) {
    throw new StartError(`Port ${settings.port} is in use: set PORT to a free one, like PORT=${settings.port + 1} npm start.`);
  }
  say('Starting Herald.');
  const infrastructure = await startInfrastructure(settings, say, stopRequest.signal);
  try {
    const apiKey = keptSecret(dataDir, 'api-key', settings.apiKey, randomUUID);
    const secretKey = settings.secretKey ?? keptSecret(dataDir, 'secret-key', undefined, () => randomBytes(32).toString('hex'));
    await prepareDatabase(infrastructure.databaseUrl, apiKey);
    const env = processEnvironment(process.env, { ...settings, ...infrastructure, secretKey });
    const herald = await startHerald({ dataDir, env, shutdownGraceMs });
    stopRequest.cleanUpWith(async () => {
      await herald.stop();
      await infrastructure.stop();
    });
    say(summaryText({ ...settings, temporalUiUrl: infrastructure.temporalUiUrl, apiKey, took: elapsed(startedAt) }));
  } catch (error) {
    if (!stopRequest.signal.aborted) await infrastructure.stop();
    throw error;
  }
}

/** API and worker. The API ends first: what it has accepted, the worker may still send. */
async function startHerald(options: Omit<ProcessOptions, 'name'>): Promise<{ stop: () => Promise<void> }> {
  const keep = (name: HeraldProcess) => keepRunning(`The ${name}`, () => startHeraldProcess({ ...options, name }), say, stopRequest.signal);
  const [api, worker] = await Promise.allSettled([keep('api'), keep('worker')]);
  const stop = async () => {
    for (const part of [api, worker]) if (part.status === 'fulfilled') await part.value.stop();
  };
  const failed = [api, worker].find((part) => part.status === 'rejected');
  if (!failed) return { stop };
  await stop();
  throw failed.reason;
}

/** Interrupted in the middle of starting: ends whatever was started by then. */
async function abandonStart(dataDir: string): Promise<void> {
  await endLeftoverProcesses(dataDir);
  await endLeftovers(dataDir, () => undefined);
}

function explainAndExit(error: unknown): never {
  if (!(error instanceof StartError) && !(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
