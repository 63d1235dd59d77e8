import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../../embedded/postgres.ts';
import { startTemporal } from '../../embedded/temporal.ts';
import type { SessionLimits } from '../../workflows/messages.ts';
import { startEngineOn } from '../support/engineOn.ts';
import { startReceiver } from '../support/receiver.ts';
import { jsonOfHistory } from './historyFile.ts';
import { longScenarios, type Scenario, scenarios } from './scenarios.ts';

/**
 * Records the histories that test/workflow/replay.test.ts replays, of those scenarios that have none yet:
 * `npm run record-histories`. A file is deleted, to be recorded anew, only when workflow code changes on purpose in a
 * way that old runs need not survive.
 */
const folder = fileURLToPath(new URL('.', import.meta.url));
const dataDir = mkdtempSync(path.join(tmpdir(), 'herald-record-'));
const say = (line: string) => process.stderr.write(`${line}\n`);

const postgres = await startPostgres({ dataDir, log: say });
const temporal = await startTemporal({ dataDir, log: say, progress: say });
try {
  await record(scenarios, {});
  await record(longScenarios, { maxHistoryEvents: 30 });
} finally {
  await temporal.stop();
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function record(group: Record<string, Scenario>, limits: SessionLimits): Promise<void> {
  const receiver = await startReceiver();
  const parts = { databaseUrl: postgres.url, temporalAddress: temporal.address };
  const engine = await startEngineOn(parts, { timings: { session: { agentWaitMs: 500, lingerMs: 300, ...limits } } });
  for (const [name, scenario] of Object.entries(group)) {
    const file = path.join(folder, `${name}.json`);
    if (existsSync(file)) continue;
    const { workflowId, runId } = await scenario(engine, receiver);
    const history = await engine.client.workflow.getHandle(workflowId, runId).fetchHistory();
    writeFileSync(file, jsonOfHistory(history));
    say(`${file}: ${history.events?.length} events`);
  }
  await engine.close();
  await receiver.close();
}
