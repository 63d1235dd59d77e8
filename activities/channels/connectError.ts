/** A name or address that leads somewhere Herald does not send to. */
export class ForbiddenAddressError extends Error {
  override name = 'ForbiddenAddressError';
}

/** Turns what went wrong below HTTP into one sentence for the delivery log. `host` is the URL's `host:port`. */
export function connectionSentence(error: unknown, host: string): string {
  const cause = rootCause(error);
  const code = codeOf(cause);
  const known = code === undefined ? undefined : sentences[code];
  if (known) return known(host);
  if (cause.name === 'HTTPParserError') return `the answer of ${host} is not HTTP`;
  if (code !== undefined && /EPROTO|ERR_SSL/.test(code)) return `${host} does not speak TLS as it should`;
  if (code !== undefined && /CERT|ISSUER|SIGNATURE/.test(code)) {
    return `the TLS certificate of ${host} is not trusted: ${cause.message.split(';', 1)[0]}`;
  }
  return `the request to ${host} failed: ${cause.message}`;
}

const closed = (host: string) => `${host} closed the connection before it answered`;
const unreachable = (host: string) => `${host} cannot be reached: there is no route to it`;
const connectTimeout = (host: string) => `${host} did not accept a connection in time`;

const sentences: Record<string, (host: string) => string> = {
  ECONNREFUSED: (host) => `connection refused by ${host}`,
  ECONNRESET: (host) => `connection reset by ${host} before it answered`,
  EPIPE: closed,
  UND_ERR_SOCKET: closed,
  ENOTFOUND: (host) => `the host name of ${host} does not exist (DNS)`,
  EAI_AGAIN: (host) => `the host name of ${host} cannot be looked up for now (DNS)`,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ETIMEDOUT: connectTimeout,
  UND_ERR_CONNECT_TIMEOUT: connectTimeout,
  ERR_TLS_CERT_ALTNAME_INVALID: (host) => `the TLS certificate of ${host} is for another name`,
  CERT_HAS_EXPIRED: (host) => `the TLS certificate of ${host} has expired`,
};

function rootCause(error: unknown): Error {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0];
  return error instanceof Error ? error : new Error(String(error));
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
