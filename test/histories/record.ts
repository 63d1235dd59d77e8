import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../../embedded/postgres.ts';
import { startTemporal } from '../../embedded/temporal.ts';
import { type EngineOptions, startEngineOn } from '../support/engineOn.ts';
import { startReceiver } from '../support/receiver.ts';
import { jsonOfHistory } from './historyFile.ts';
import { startTemporalCluster } from '../support/temporalCluster.ts';
import { longScenarios, type Scenario, scenarios, versionedScenarios } from './scenarios.ts';

/**
 * Records the histories that test/workflow/replay.test.ts replays, of those scenarios that have none yet:
 * `npm run record-histories`. A file is deleted, to be recorded anew, only when workflow code changes on purpose in a
 * way that old runs need not survive.
 */
const folder = fileURLToPath(new URL('.', import.meta.url));
const dataDir = mkdtempSync(path.join(tmpdir(), 'herald-record-'));
/** Of the runs that are recorded: short waits. */
const limits = { agentWaitMs: 500, lingerMs: 300 };
const say = (line: string) => process.stderr.write(`${line}\n`);

const postgres = await startPostgres({ dataDir, log: say });
try {
  await on(await startTemporal({ dataDir, log: say, progress: say }), async (address) => {
    await record(address, scenarios);
    await record(address, longScenarios, { timings: { session: { ...limits, maxHistoryEvents: 30 } } });
  });
  if (missing(versionedScenarios).length > 0) {
    await on(await startTemporalCluster({ postgresUrl: postgres.url }), (address) => record(address, versionedScenarios, { worker: false }));
  }
} finally {
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function on(server: { address: string; stop: () => Promise<void> }, work: (address: string) => Promise<void>): Promise<void> {
  try {
    await work(server.address);
  } finally {
    await server.stop();
  }
}

function fileOf(name: string): string {
  return path.join(folder, `${name}.json`);
}

function missing(group: Record<string, Scenario>): [string, Scenario][] {
  return Object.entries(group).filter(([name]) => !existsSync(fileOf(name)));
}

async function record(temporalAddress: string, group: Record<string, Scenario>, options: EngineOptions = {}): Promise<void> {
  const receiver = await startReceiver();
  const engine = await startEngineOn({ databaseUrl: postgres.url, temporalAddress }, { timings: { session: limits }, ...options });
  for (const [name, scenario] of missing(group)) {
    const { workflowId, runId } = await scenario(engine, receiver);
    const history = await engine.client.workflow.getHandle(workflowId, runId).fetchHistory();
    writeFileSync(fileOf(name), jsonOfHistory(history));
    say(`${fileOf(name)}: ${history.events?.length} events`);
  }
  await engine.close();
  await receiver.close();
}
