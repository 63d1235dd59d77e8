import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import { timingsSchema } from './timings.ts';

const MEGABYTE = 1_048_576;

const text = z.string().min(1);
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .transform((url) => url.replace(/\/+$/, ''));

function wholeNumber(fallback: number) {
  return z
    .string()
    .regex(/^[1-9][0-9]{0,11}$/, 'must be a whole number above 0')
    .transform(Number)
    .default(fallback);
}

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isDestination(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  if (rest.length > 0) return false;
  if (prefix === undefined) return isIP(address) !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$/i.test(address);
  return /^[0-9]{1,3}$/.test(prefix) && isIP(address) !== 0 && Number(prefix) <= (isIPv6(address) ? 128 : 32);
}

const destinations = z
  .string()
  .transform(splitList)
  .refine((list) => list.every(isDestination), 'must be a list of host names, addresses and CIDRs, separated by commas');

const tokenPrice = z.strictObject({ prompt: z.number().min(0), completion: z.number().min(0) });
const tokenPrices = z.string().transform((value, context) => {
  const parsed = z.record(z.string(), tokenPrice).safeParse(parseJson(value));
  if (parsed.success) return parsed.data;
  context.addIssue({ code: 'custom', message: 'must be JSON like {"gpt-4":{"prompt":30,"completion":60}}, in US dollars per million tokens' });
  return z.NEVER;
});

const deploymentName = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, 'must be letters, digits, - and _, 100 at most');
const buildId = z.string().regex(/^[A-Za-z0-9_.+-]{1,100}$/, 'must be letters, digits and any of _.+-, 100 at most');

const timings = z.string().transform((value, context) => {
  const parsed = timingsSchema.safeParse(parseJson(value));
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => [...issue.path, issue.message].join(' ')).join('; ');
  context.addIssue({ code: 'custom', message: `must be JSON like {"send":{"retrySchedule":[0,5000,300000]}}, in milliseconds (${where})` });
  return z.NEVER;
});

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** Every environment variable Herald knows, as one schema. */
export const environmentSchema = z.object({
  PORT: z
    .string()
    .regex(/^[0-9]{1,5}$/, 'must be a port number from 1 to 65535')
    .transform(Number)
    .refine((port) => port > 0 && port < 65_536, 'must be a port number from 1 to 65535')
    .default(3000),
  HERALD_DATA_DIR: text.default('.herald'),
  HERALD_API_KEY: z.uuid('must be a UUID, because the AgentOps SDK takes no other key (uuidgen makes one)').optional(),
  HERALD_SECRET_KEY: z
    .string()
    .min(32, 'must have at least 32 characters (openssl rand -hex 32 makes a good one)')
    .optional(),
  HERALD_PREVIOUS_SECRET_KEYS: z.string().transform(splitList).default([]),
  HERALD_PUBLIC_URL: httpUrl.optional(),
  HERALD_ALLOWED_DESTINATIONS: destinations.default([]),
  HERALD_MAX_REQUEST_BYTES: wholeNumber(16 * MEGABYTE),
  HERALD_MAX_EVENT_BYTES: wholeNumber(MEGABYTE),
  HERALD_MAX_EVENTS_PER_REQUEST: wholeNumber(5000),
  HERALD_TOKEN_PRICES: tokenPrices.default({}),
  HERALD_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], 'must be trace, debug, info, warn, error or silent')
    .default('info'),
  HERALD_SHUTDOWN_GRACE_MS: wholeNumber(10_000),
  HERALD_SLACK_CLIENT_ID: text.optional(),
  HERALD_SLACK_CLIENT_SECRET: text.optional(),
  HERALD_SLACK_SIGNING_SECRET: text.optional(),
  HERALD_SLACK_URL: httpUrl.optional(),
  HERALD_TIMINGS: timings.default({}),
  HERALD_WORKFLOW_BUNDLE: text.optional(),
  HERALD_WORKER_DEPLOYMENT: deploymentName.optional(),
  HERALD_BUILD_ID: buildId.optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/./, 'must look like postgres://user:password@host:5432/herald')
    .optional(),
  DATABASE_MAX_CONNECTIONS: wholeNumber(20),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/]+:[0-9]{1,5}$/, 'must be host:port, like localhost:7233')
    .optional(),
  TEMPORAL_NAMESPACE: text.default('default'),
  TEMPORAL_API_KEY: text.optional(),
  TEMPORAL_TLS: z.enum(['true', 'false'], 'must be true or false').optional(),
  TEMPORAL_TLS_SERVER_NAME: text.optional(),
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: text.optional(),
  TEMPORAL_TLS_CLIENT_CERT_PATH: text.optional(),
  TEMPORAL_TLS_CLIENT_KEY_PATH: text.optional(),
  TEMPORAL_UI_URL: httpUrl.optional(),
});

export type Environment = z.output<typeof environmentSchema>;
