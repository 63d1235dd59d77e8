import { mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { type Part, startPart } from './part.ts';
import { removePidFile, writePidFile } from './pidFile.ts';
import { keptPort } from './ports.ts';
import type { Progress } from './progress.ts';
import type { Log } from './startError.ts';
import { findTemporal } from './temporalBinary.ts';
import { endLeftoverTemporal, TEMPORAL_STOP_SIGNALS, temporalFiles } from './temporalLeftover.ts';
import { keepsNamespace } from './temporalNamespace.ts';

export interface TemporalPart extends Part {
  /** host:port of the gRPC frontend. */
  address: string;
  uiUrl: string;
}

export interface TemporalOptions {
  /** Herald's data folder; the server has a database and a log of its own in it. */
  dataDir: string;
  /** Default `default`. */
  namespace?: string;
  /** Dynamic configuration beyond Herald's own. */
  dynamicConfig?: typeof dynamicConfig;
  log: Log;
  /** For a build or a download, which take long and are needed once. */
  progress: Progress;
}

const NAME = 'temporal';
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;

const searchAttributes = ['HeraldOrganisation', 'HeraldAgent', 'HeraldSession', 'HeraldStatus', 'HeraldIntegration', 'HeraldDeliveryStatus'];

/**
 * Dynamic configuration of the server; docker/dynamic-config.yaml has the same for a cluster. Regular activities are
 * handed out with the workflow task's answer; the one shard reads its queues without a brake; a session's next run may
 * follow the last at once.
 */
const dynamicConfig: Record<string, boolean | number | string> = {
  'system.enableActivityEagerExecution': true,
  'history.transferProcessorMaxPollRPS': 2000,
  'history.timerProcessorMaxPollRPS': 2000,
  'history.workflowIdReuseMinimalInterval': '0s',
  // The CLI has the server read its list of search attributes at every call: a quarter of a signal's CPU time.
  'system.forceSearchAttributesCacheRefreshOnRead': false,
};

/** Half the garbage collections: a fifth of a signal's CPU time for some 50 MB. */
const GARBAGE_COLLECTION = { GOGC: '200' };

/** Of the SQLite database: four times the throughput of its defaults, and as durable when a process is killed. */
const pragmas = ['journal_mode=wal', 'synchronous=normal'];

/**
 * Starts the Temporal server of a data folder, with its UI. One that a killed Herald left running there is ended
 * before.
 * @throws {StartError} with a sentence that says what to do.
 */
export async function startTemporal({ dataDir, namespace = 'default', dynamicConfig: more = {}, log, progress }: TemporalOptions): Promise<TemporalPart> {
  const program = await findTemporal(log, progress);
  mkdirSync(path.join(dataDir, NAME), { recursive: true });
  const folder = realpathSync(dataDir);
  const { database, pidFile } = temporalFiles(folder);
  await endLeftoverTemporal(folder, log);
  const ports = {
    port: await keptPort(dataDir, NAME, log),
    'ui-port': await keptPort(dataDir, 'temporal-ui', log),
    'http-port': await keptPort(dataDir, 'temporal-http', log),
    'metrics-port': await keptPort(dataDir, 'temporal-metrics', log),
  };
  const address = `127.0.0.1:${ports.port}`;
  const part = await startPart({
    title: 'The Temporal server',
    name: NAME,
    dataDir,
    command: program,
    args: [
      'server',
      'start-dev',
      '--ip=127.0.0.1',
      '--log-level=warn',
      `--db-filename=${database}`,
      `--namespace=${namespace}`,
      ...Object.entries(ports).map(([flag, port]) => `--${flag}=${port}`),
      ...pragmas.map((pragma) => `--sqlite-pragma=${pragma}`),
      ...Object.entries({ ...dynamicConfig, ...more }).map(([key, value]) => `--dynamic-config-value=${key}=${JSON.stringify(value)}`),
      ...searchAttributes.map((attribute) => `--search-attribute=${attribute}=Keyword`),
    ],
    spawnOptions: { cwd: '/', env: environment() },
    onSpawn: (pid) => writePidFile(pidFile, pid),
    isReady: () => keepsNamespace(address, namespace),
    readyWithinMs: READY_WITHIN_MS,
    failure: /error|fatal|failed/i,
    stopSignals: TEMPORAL_STOP_SIGNALS,
    stopWithinMs: STOP_WITHIN_MS,
  });
  void part.ended.then(() => removePidFile(pidFile));
  return { ...part, address, uiUrl: `http://127.0.0.1:${ports['ui-port']}` };
}

/** Without the variables that configure clients: the CLI would read them. */
function environment(): NodeJS.ProcessEnv {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')));
  return { ...GARBAGE_COLLECTION, ...env };
}
