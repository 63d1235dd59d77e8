import { parseArgs } from 'node:util';
import { startReceiver } from '../test/support/receiver.ts';
import { startSlackStandIn } from '../test/support/slackStandIn.ts';
import { createClient } from './demo/client.ts';
import { type CaseResult, type Outcome, playScenario } from './demo/play.ts';
import { scenarios } from './demo/scenarios.ts';
import { caseText, tableHead } from './demo/show.ts';
import { spawnHerald } from './start/spawn.ts';

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const tell = (line: string) => process.stderr.write(`${line}\n`);
const show = options.json ? () => undefined : (line: string) => process.stdout.write(`${line}\n`);

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());

try {
  const results = await play(stopping.signal);
  const different = results.filter((result) => !result.ok).length;
  if (options.json) process.stdout.write(`${JSON.stringify({ cases: results.map(summary), ok: different === 0 })}\n`);
  show(different === 0 ? `\nAll ${results.length} cases came out as specified.` : `\n${different} of ${results.length} cases differ from the specification.`);
  process.exitCode = different === 0 ? 0 : 1;
} catch (error) {
  tell(stopping.signal.aborted ? 'Interrupted.' : String(error instanceof Error ? error.message : error));
  process.exitCode = 1;
}

/** Plays every scenario against a Herald of its own, with a receiver and a stand-in for Slack. */
async function play(signal: AbortSignal): Promise<CaseResult[]> {
  tell('Starting a Herald for the demo, a receiver and a stand-in for Slack.');
  const results: CaseResult[] = [];
  const receiver = await startReceiver();
  const slack = await startSlackStandIn();
  try {
    const herald = await spawnHerald((line) => tell(`  ${line}`), { signal });
    try {
      for (const scenario of scenarios) {
        if (scenario.title) show(`\n${scenario.title}\n${tableHead()}`);
        await playScenario({ client: createClient(herald), receiver, slack }, scenario, (result) => {
          signal.throwIfAborted();
          results.push(result);
          show(caseText(result));
        });
      }
    } finally {
      await herald.stop();
    }
  } finally {
    await receiver.close();
    await slack.close();
  }
  return results;
}

function summary({ case: name, outcomes, ok }: CaseResult) {
  const text = (field: 'expected' | 'actual') => outcomes.map((outcome: Outcome) => `${outcome.event} → ${outcome.notification}: ${outcome[field]}`).join('; ');
  return { case: name, expected: text('expected'), actual: text('actual'), ok };
}
