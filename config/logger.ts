import { pino, type Logger } from 'pino';
import type { Settings } from './settings.ts';

const secretFields = ['authorization', 'apiKey', 'api_key', 'key', 'jwt', 'token', 'secret', 'secrets', 'secretKey', 'password', 'bot_token'];

/** Never in a log, at the top of a record or one level below (request headers and the like). */
const redacted = [
  ...secretFields,
  ...secretFields.map((field) => `*.${field}`),
  ...['authorization', 'x-agentops-api-key', 'cookie'].flatMap((header) => [`headers["${header}"]`, `*.headers["${header}"]`]),
];

/** JSON lines on standard output. `name` says which part of Herald speaks: `api`, `worker`. */
export function createLogger(settings: Pick<Settings, 'logLevel'>, name: string): Logger {
  return pino({
    name,
    level: settings.logLevel,
    redact: { paths: redacted, censor: '[hidden]' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
