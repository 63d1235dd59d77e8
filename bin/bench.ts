import { createCleanup } from '../test/bench/cleanup.ts';
import { readOptions, usage, UsageError } from '../test/bench/options.ts';
import { runBench, titles } from '../test/bench/run.ts';
import { tableOf } from '../test/bench/table.ts';

const progress = (line: string) => process.stderr.write(`${line}\n`);
const cleanup = createCleanup((error) => progress(`While cleaning up: ${String(error)}`));

const options = optionsOrExit();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    progress('Ending …');
    void cleanup.run().then(() => process.exit(130));
  });
}

try {
  const report = await runBench(options, cleanup, progress);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : tableOf(report, titles));
} catch (error) {
  progress(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
}
await cleanup.run();
process.exit();

function optionsOrExit() {
  try {
    const read = readOptions(process.argv.slice(2));
    if (read !== 'help') return read;
    process.stdout.write(usage);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    progress(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}
