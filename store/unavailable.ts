/** SQLSTATE classes that say the server is away, starting, stopping, or out of something. */
const UNAVAILABLE_STATES = /^(08|53|57P0|58|40001|40P01|25006)/;
const NETWORK_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENOENT']);
/** What the driver says without a code. */
const MESSAGES = /connection terminated|timeout exceeded when trying to connect|connection timeout|query read timeout|client (was closed|has encountered a connection error)/i;

/** Postgres did not say whether it has stored something. */
export class UncertainError extends Error {
  override name = 'UncertainError';

  constructor() {
    super('Postgres did not say whether the change was made.');
  }
}

/** Whether an error says that the database could not be asked just now, so that asking again later makes sense. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && (NETWORK_CODES.has(code) || UNAVAILABLE_STATES.test(code))) return true;
  return MESSAGES.test(error.message);
}
