import { parseArguments, UsageError } from '../../bin/command.ts';

export interface BenchOptions {
  /** Only JSON on standard output. */
  json: boolean;
  /** Which scenarios run, `naive` among them. */
  only: string[];
  /** With 50,000 idle sessions. */
  full: boolean;
  /** 1 is the whole bench; less shortens every scenario. */
  scale: number;
  keep: boolean;
  profileFolder?: string;
  /** A Herald that runs already. */
  given?: { apiUrl: string; apiKey: string; temporalAddress?: string; databaseUrl?: string; receiverHost: string };
}

export const scenarioKeys = ['a', 'b', 'c', 'd', 'e', 'f', 'h', 'naive', 'g'];

export const usage = `npm run bench -- [options]

Starts Herald with everything it needs in a temporary folder, and measures it.

  --json              print one JSON object, and nothing else, on standard output
  --only a,c,naive    run a selection of ${scenarioKeys.join(', ')}
  --full              with 50,000 idle sessions in scenario g
  --scale 0.1         a tenth of everything: to try the bench out, not to quote figures
  --keep              keep the data folder with the logs
  --profile DIR       write CPU profiles of API and worker to DIR

To measure a Herald that runs already:

  --api-url URL           its address
  --api-key KEY           a key with the scopes ingest and admin
  --temporal-address H:P  its Temporal server, for the naive loop
  --database-url URL      its database, to see when everything is decided
  --receiver-host HOST    where it reaches this machine (default 127.0.0.1)
`;

/** @throws {UsageError} */
export function readOptions(args: string[]): BenchOptions | 'help' {
  const values = parseArguments(args, argumentsOf);
  if (values.help) return 'help';
  const only = values.only === undefined ? scenarioKeys : values.only.split(',').map((key) => key.trim());
  const unknown = only.filter((key) => !scenarioKeys.includes(key));
  if (unknown.length > 0) throw new UsageError(`There is no scenario ${unknown.join(', ')}. Choose from ${scenarioKeys.join(', ')}.`);
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 1)) throw new UsageError('--scale must be above 0 and at most 1.');
  const apiUrl = values['api-url']?.replace(/\/+$/, '');
  const apiKey = values['api-key'];
  if ((apiUrl === undefined) !== (apiKey === undefined)) throw new UsageError('--api-url and --api-key go together.');
  return {
    json: values.json,
    only,
    full: values.full,
    scale,
    keep: values.keep,
    profileFolder: values.profile,
    ...(apiUrl === undefined || apiKey === undefined
      ? {}
      : {
          given: {
            apiUrl,
            apiKey,
            temporalAddress: values['temporal-address'],
            databaseUrl: values['database-url'],
            receiverHost: values['receiver-host'],
          },
        }),
  };
}

const argumentsOf = {
  json: { type: 'boolean', default: false },
  only: { type: 'string' },
  full: { type: 'boolean', default: false },
  scale: { type: 'string', default: '1' },
  keep: { type: 'boolean', default: false },
  profile: { type: 'string' },
  help: { type: 'boolean', default: false },
  'api-url': { type: 'string' },
  'api-key': { type: 'string' },
  'temporal-address': { type: 'string' },
  'database-url': { type: 'string' },
  'receiver-host': { type: 'string', default: '127.0.0.1' },
} as const;
