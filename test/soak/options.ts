import { parseArguments, wholeNumber } from '../../bin/command.ts';
import { MAX_RSS_GROWTH_MB } from './verdict.ts';

export interface SoakOptions {
  /** How many events the session gets at least. */
  events: number;
  /** How often the session is paused and resumed. */
  pauses: number;
  /** Only JSON on standard output. */
  json: boolean;
  /** A run of the session hands over at about this many history events; absent: Herald's own default. */
  maxHistoryEvents?: number;
}

export const usage = `npm run soak -- [options]

Starts Herald in a temporary folder and lets one session live long: events, pauses and resumes, messages to the agent.
Every event has a message. Then compares what was accepted with what arrived, and asks Temporal about the session's runs.

  --events 100000        how many events the session gets
  --pauses 100           how often it is paused and resumed
  --max-history 200      a run hands over at about so many history events (default: Herald's own, 2000)
  --json                 print one JSON object, and nothing else, on standard output

Ends with 0 when nothing was lost, nothing happened twice, no run had a history of 1 MiB or of more than 100 events beyond
those at which it hands over, and the worker's memory (after the first 5 % of the events) grew by ${MAX_RSS_GROWTH_MB} MB at most.
`;

/** @throws {UsageError} */
export function readOptions(args: string[]): SoakOptions | 'help' {
  const values = parseArguments(args, argumentsOf);
  if (values.help) return 'help';
  const maxHistory = values['max-history'];
  return {
    events: wholeNumber('--events', values.events),
    pauses: wholeNumber('--pauses', values.pauses),
    json: values.json,
    ...(maxHistory === undefined ? {} : { maxHistoryEvents: wholeNumber('--max-history', maxHistory) }),
  };
}

const argumentsOf = {
  events: { type: 'string', default: '100000' },
  pauses: { type: 'string', default: '100' },
  'max-history': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;
