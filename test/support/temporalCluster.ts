import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { startPart } from '../../embedded/part.ts';
import { readPidFile, takeLock, writePidFile } from '../../embedded/pidFile.ts';
import { keptPort } from '../../embedded/ports.ts';
import { endProcess } from '../../embedded/processes.ts';
import { INTERNAL_PORTS, serverConfig } from './cluster/config.ts';
import { temporalPrograms } from './cluster/programs.ts';
import { prepareSchemas } from './cluster/schema.ts';

/** The production shape of a Temporal server: on Postgres, with the version and settings of docker-compose.yml. */
export interface TemporalCluster {
  /** host:port of the gRPC frontend. It has the namespace `default`. */
  address: string;
  pid: number;
  stop(): Promise<void>;
}

export interface TemporalClusterOptions {
  /** A Postgres server where databases can be created. */
  postgresUrl: string;
  /** Its two databases there are `<database>` and `<database>_visibility`; made when they are missing. Default `temporal`. */
  database?: string;
  /** Of the frontend, for one that comes back at the same address. Default: a free one. */
  port?: number;
}

const FOLDER = 'herald-cluster-';
const STOP_SIGNALS: NodeJS.Signals[] = ['SIGTERM', 'SIGKILL'];
const STOP_WITHIN_MS = 15_000;
const READY_WITHIN_MS = 60_000;
const YOUNG_MS = 60_000;
const RETENTION_MS = 24 * 3_600_000;

/** Starts a Temporal server on Postgres. The first call of a user builds it, which takes minutes. */
export async function startTemporalCluster({ postgresUrl, database = 'temporal', port }: TemporalClusterOptions): Promise<TemporalCluster> {
  await removeInterrupted();
  const { server, sqlTool } = await temporalPrograms(tell);
  const dataDir = mkdtempSync(path.join(tmpdir(), FOLDER));
  takeLock(path.join(dataDir, 'owner'));
  const url = new URL(postgresUrl);
  const databases = { main: database, visibility: `${database}_visibility` };
  await prepareSchemas(sqlTool, url, databases);
  const frontend = port ?? (await keptPort(dataDir, 'frontend', tell));
  const internal: number[] = [];
  for (let index = 0; index < INTERNAL_PORTS; index += 1) internal.push(await keptPort(dataDir, `internal-${index}`, tell));
  const config = path.join(dataDir, 'temporal.yaml');
  writeFileSync(config, serverConfig(url, databases, { frontend, internal }), { mode: 0o600 });
  const address = `127.0.0.1:${frontend}`;
  const part = await startPart({
    title: 'The Temporal server',
    name: 'temporal-server',
    dataDir,
    command: server,
    args: ['--config-file', config, '--allow-no-auth', 'start'],
    onSpawn: (pid) => writePidFile(pidFile(dataDir), pid),
    isReady: () => hasNamespace(address),
    readyWithinMs: READY_WITHIN_MS,
    failure: /error|fatal|failed/i,
    stopSignals: STOP_SIGNALS,
    stopWithinMs: STOP_WITHIN_MS,
  });
  return {
    address,
    pid: part.pid,
    async stop() {
      await part.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Makes the namespace as soon as the server can, and waits until workflows can be counted in it. */
async function hasNamespace(address: string): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: 1000 });
    const { workflowService } = connection;
    const known = await workflowService.describeNamespace({ namespace: 'default' }).catch(() => undefined);
    if (!known) await workflowService.registerNamespace({ namespace: 'default', workflowExecutionRetentionPeriod: msToTs(RETENTION_MS) });
    await workflowService.countWorkflowExecutions({ namespace: 'default' });
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}

/** A run that was killed leaves its server behind. */
async function removeInterrupted(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(FOLDER))) {
    const dataDir = path.join(tmpdir(), name);
    if (readPidFile(path.join(dataDir, 'owner')) !== undefined || isYoung(dataDir)) continue;
    const pid = readPidFile(pidFile(dataDir));
    if (pid !== undefined) await endProcess(pid, STOP_SIGNALS, STOP_WITHIN_MS);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** A test file beside this one may have made it a moment ago, and is about to say whose it is. */
function isYoung(dataDir: string): boolean {
  const madeAt = statSync(dataDir, { throwIfNoEntry: false })?.birthtimeMs ?? 0;
  return Date.now() - madeAt < YOUNG_MS;
}

function pidFile(dataDir: string): string {
  return path.join(dataDir, 'server.pid');
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
