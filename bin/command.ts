import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** Thrown for arguments that make no sense; the message is for the person who typed them. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Reads the arguments of a command. @throws {UsageError} */
export function parseArguments<T extends ParseArgsOptionsConfig>(args: string[], options: T) {
  try {
    return parseArgs<{ args: string[]; options: T }>({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The value of an option that counts something. @throws {UsageError} */
export function wholeNumber(name: string, text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new UsageError(`${name} must be a whole number above 0.`);
  return Number(text);
}

/** Writes a line for people: standard output may be for programs. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The options of a command; ends the process when there is nothing to do but to explain it. */
export function optionsOrExit<T extends object>(readOptions: (args: string[]) => T | 'help', usage: string): T {
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

/** Something that runs for a while and then reports. */
export interface Trial<Report> {
  run: (signal: AbortSignal) => Promise<Report>;
  /** One JSON object instead of a text. */
  json: boolean;
  textOf: (report: Report) => string;
  isGood: (report: Report) => boolean;
}

/** Runs a trial, prints its report and ends the process: with 0 when all is good, 130 when it was interrupted. */
export async function runTrial<Report>({ run, json, textOf, isGood }: Trial<Report>): Promise<never> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!stopping.signal.aborted) tell('Ending …');
      stopping.abort();
    });
  }
  try {
    const report = await run(stopping.signal);
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : textOf(report));
    process.exitCode = isGood(report) ? 0 : 1;
  } catch (error) {
    if (!stopping.signal.aborted) tell(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = stopping.signal.aborted ? 130 : 1;
  }
  process.exit();
}
