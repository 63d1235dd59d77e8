import { randomInt } from 'node:crypto';
import { parseArguments, UsageError, wholeNumber } from '../../bin/command.ts';
import { type Part, parts } from './herald.ts';

export interface ChaosOptions {
  /** How long things are broken under load. Start-up before and drain after it come on top. */
  seconds: number;
  seed: number;
  /** Events a second. */
  rate: number;
  /** What is killed and frozen. */
  only: Part[];
  /** Only JSON on standard output. */
  json: boolean;
  /** Keeps the data folder with the logs. */
  keep: boolean;
}

export const usage = `npm run chaos -- [options]

Starts Herald in a temporary folder, reports events to it, and meanwhile kills and freezes its processes and
breaks its receiver. Then compares what was accepted with what arrived.

  --seconds 120       how long things are broken; the long run is 600
  --seed 7            the order in which they are; printed when it is chosen for you
  --rate 50           events a second
  --only api,worker   a selection of ${parts.join(', ')}
  --json              print one JSON object, and nothing else, on standard output
  --keep              keep the data folder with the logs

Ends with 0 when nothing was lost and nothing arrived that cannot be explained.
`;

/** @throws {UsageError} */
export function readOptions(args: string[]): ChaosOptions | 'help' {
  const values = parseArguments(args, argumentsOf);
  if (values.help) return 'help';
  const only = values.only?.split(',').map((name) => name.trim()) ?? [...parts];
  const unknown = only.filter((name) => !parts.some((part) => part === name));
  if (unknown.length > 0) throw new UsageError(`There is no ${unknown.join(', ')}. Choose from ${parts.join(', ')}.`);
  return {
    seconds: wholeNumber('--seconds', values.seconds),
    seed: values.seed === undefined ? randomInt(1, 1_000_000) : wholeNumber('--seed', values.seed),
    rate: wholeNumber('--rate', values.rate),
    only: only as Part[],
    json: values.json,
    keep: values.keep,
  };
}

const argumentsOf = {
  seconds: { type: 'string', default: '120' },
  seed: { type: 'string' },
  rate: { type: 'string', default: '50' },
  only: { type: 'string' },
  json: { type: 'boolean', default: false },
  keep: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;
