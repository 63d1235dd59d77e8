import { parseArgs } from 'node:util';

export interface ReceiverOptions {
  port: number;
  /** Secrets of the integrations whose messages are expected; none means signatures are not checked. */
  secrets: string[];
  /** Status to answer with. */
  status: number;
  delayMs: number;
}

export const usage = `npm run receiver -- [options]

  --port 4000        port to listen on (or PORT)
  --secret whsec_…   check signatures with this secret; several times, or comma separated (or HERALD_WEBHOOK_SECRET)
  --fail 500         answer every message with this status, to watch retries
  --delay 2000       wait so many milliseconds before answering
  --help             show this`;

/** @throws Error with one sentence for the person at the terminal */
export function readOptions(args: string[], env: NodeJS.ProcessEnv): ReceiverOptions | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string' },
      secret: { type: 'string', multiple: true },
      fail: { type: 'string' },
      delay: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return 'help';
  return {
    port: wholeNumber('--port', values.port ?? env.PORT ?? '4000', 0, 65_535),
    secrets: (values.secret ?? [env.HERALD_WEBHOOK_SECRET ?? '']).flatMap(readSecrets),
    status: wholeNumber('--fail', values.fail ?? '200', 200, 599),
    delayMs: wholeNumber('--delay', values.delay ?? '0', 0, 600_000),
  };
}

function readSecrets(list: string): string[] {
  const secrets = list.split(',').map((secret) => secret.trim());
  const given = secrets.filter((secret) => secret !== '');
  if (given.some((secret) => !/^whsec_[A-Za-z0-9+/]+=*$/.test(secret))) {
    throw new Error('A secret has the form whsec_ and Base64, as Herald showed it when the integration was created.');
  }
  return given;
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isInteger(number) && number >= min && number <= max) return number;
  throw new Error(`${option} must be a whole number from ${min} to ${max}, not "${text}".`);
}
