import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import {
  type AllowedDestinations,
  forbiddenKind,
  isAllowedHost,
  onlyPublic,
  parseAllowedDestinations,
  unbracketed,
  urlFormProblem,
} from './address.ts';
import { ForbiddenAddressError } from './connectError.ts';
import { Exchange, type OutgoingResponse } from './exchange.ts';

export type { OutgoingResponse } from './exchange.ts';

/** Looks up every address of a host name; Node's own `dns.lookup` unless a test brings another. */
export type Resolver = (
  hostname: string,
  options: { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface OutgoingHttpOptions {
  /** Host names, addresses and CIDR ranges that may be reached although they are not public. */
  allowedDestinations: readonly string[];
  /**
   * Open connections to one origin at most; further requests wait, within their timeout. Default: as many as there are
   * requests, because integrations may share a host and the requests to each of them are bounded (slots.ts).
   */
  connectionsPerOrigin?: number;
  resolver?: Resolver;
}

export interface OutgoingRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  /** For everything from waiting for a connection to the last byte of the answer. */
  timeoutMs: number;
  /** How much of the answer's body is read at most. Default 4 KiB. */
  maxResponseBytes?: number;
}

export interface OutgoingHttp {
  /** Sends one POST. Never throws: every failure is a response. */
  post(request: OutgoingRequest): Promise<OutgoingResponse>;
  /** Ends all connections. Requests still under way become `unreachable`. */
  close(): Promise<void>;
}

/** The one way out of Herald: pooled HTTP/1.1 connections to public addresses, no redirects, bounded time and answer. */
export function createOutgoingHttp(options: OutgoingHttpOptions): OutgoingHttp {
  const allowed = parseAllowedDestinations(options.allowedDestinations);
  const agent = new Agent({
    connections: options.connectionsPerOrigin ?? null,
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: checkedConnector(allowed, options.resolver ?? systemLookup),
  });
  return {
    post: (request) => post(agent, request),
    close: () => agent.destroy(),
  };
}

/** Connects only to addresses that may be reached: literals are checked here, names by the lookup that the socket uses. */
function checkedConnector(allowed: AllowedDestinations, resolver: Resolver): buildConnector.connector {
  const connect = buildConnector({ allowH2: false, lookup: checkedLookup(allowed, resolver) });
  return (options, callback) => {
    const hostname = unbracketed(options.hostname);
    const kind = isIP(hostname) && !isAllowedHost(hostname, allowed) ? forbiddenKind(hostname, allowed) : undefined;
    if (kind) callback(new ForbiddenAddressError(`${hostname} is ${kind}; ${onlyPublic}`), null);
    else connect(options, callback);
  };
}

function checkedLookup(allowed: AllowedDestinations, resolver: Resolver): LookupFunction {
  return (hostname, options, callback) => {
    resolver(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '');
      const forbidden = isAllowedHost(hostname, allowed) ? () => undefined : forbiddenKind;
      const usable = found.filter(({ address }) => !forbidden(address, allowed));
      const first = usable[0];
      if (!first) {
        const kind = forbiddenKind(found[0]?.address ?? '', allowed);
        return callback(new ForbiddenAddressError(`${hostname} leads to ${kind}; ${onlyPublic}`), '');
      }
      if (options.all) callback(null, usable);
      else callback(null, first.address, first.family);
    });
  };
}

function post(agent: Agent, request: OutgoingRequest): Promise<OutgoingResponse> {
  const problem = urlFormProblem(request.url);
  if (problem) return Promise.resolve({ kind: 'forbidden', error: `the URL ${problem}`, durationMs: 0 });
  const { origin, pathname, search, host, protocol, port } = new URL(request.url);
  const hostAndPort = port ? host : `${host}:${protocol === 'https:' ? 443 : 80}`;
  return new Promise((resolve) => {
    const exchange = new Exchange(hostAndPort, request, resolve);
    const { headers, body } = request;
    agent.dispatch({ origin, path: pathname + search, method: 'POST', headers, body }, exchange);
  });
}
