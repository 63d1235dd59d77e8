import { optionsOrExit, tell } from './command.ts';
import { createCleanup } from '../test/bench/cleanup.ts';
import { readOptions, usage } from '../test/bench/options.ts';
import { runBench, titles } from '../test/bench/run.ts';
import { tableOf } from '../test/bench/table.ts';

const cleanup = createCleanup((error) => tell(`While cleaning up: ${String(error)}`));

const options = optionsOrExit(readOptions, usage);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    tell('Ending …');
    void cleanup.run().then(() => process.exit(130));
  });
}

try {
  const report = await runBench(options, cleanup, tell);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : tableOf(report, titles));
} catch (error) {
  tell(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
}
await cleanup.run();
process.exit();
