import { readOptions, usage, UsageError } from '../test/soak/options.ts';
import { runSoak } from '../test/soak/run.ts';
import { isGood, textOf } from '../test/soak/report.ts';

const tell = (line: string) => process.stderr.write(`${line}\n`);
const options = optionsOrExit();

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!stopping.signal.aborted) tell('Ending …');
    stopping.abort();
  });
}

try {
  const report = await runSoak(options, tell, stopping.signal);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : textOf(report));
  process.exitCode = isGood(report) ? 0 : 1;
} catch (error) {
  if (!stopping.signal.aborted) tell(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = stopping.signal.aborted ? 130 : 1;
}
process.exit();

function optionsOrExit() {
  try {
    const read = readOptions(process.argv.slice(2));
    if (read !== 'help') return read;
    process.stdout.write(usage);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    tell(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}
