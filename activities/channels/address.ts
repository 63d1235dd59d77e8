import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Exceptions to "only public addresses": hosts by name, addresses by range. */
export interface AllowedDestinations {
  hosts: ReadonlySet<string>;
  ranges: readonly [Address, number][];
}

const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

const kinds: Record<string, string> = {
  unspecified: 'an unspecified address',
  loopback: 'a loopback address',
  private: 'a private address',
  uniqueLocal: 'a private address',
  linkLocal: 'a link-local address',
  carrierGradeNat: 'a carrier-grade NAT address',
  multicast: 'a multicast address',
  broadcast: 'a broadcast address',
};

/**
 * Reads `HERALD_ALLOWED_DESTINATIONS`: host names, addresses and CIDR ranges.
 * @throws Error naming the entry that is none of these
 */
export function parseAllowedDestinations(entries: readonly string[]): AllowedDestinations {
  const hosts = new Set<string>();
  const ranges: [Address, number][] = [];
  for (const entry of entries) {
    const text = entry.trim().replace(/^\[(.*)\]$/, '$1');
    if (text.includes('/')) ranges.push(parseRange(text));
    else if (isIP(text)) ranges.push(singleAddress(text));
    else hosts.add(bareHost(text));
  }
  return { hosts, ranges };
}

/** Whether the host is allowed by its name, whatever it resolves to. */
export function isAllowedHost(hostname: string, allowed: AllowedDestinations): boolean {
  return allowed.hosts.has(bareHost(hostname));
}

/** What is wrong with sending to an address (`a loopback address`), or undefined when it is public unicast or allowed. */
export function forbiddenKind(address: string, allowed: AllowedDestinations): string | undefined {
  if (!ipaddr.isValid(address)) return 'not an address';
  const parsed = ipaddr.process(address);
  if (isPublic(parsed) || allowed.ranges.some((range) => contains(range, parsed))) return undefined;
  return kinds[parsed.range()] ?? 'a reserved address';
}

/**
 * Why Herald would refuse to send to a URL, as a sentence for the person who configures it; undefined when it may.
 * Names are not resolved here: what they lead to is checked at every connection.
 */
export function checkUrl(url: string, allowedDestinations: readonly string[]): string | undefined {
  const form = urlFormProblem(url);
  if (form) return form;
  const hostname = unbracketed(new URL(url).hostname);
  const allowed = parseAllowedDestinations(allowedDestinations);
  if (isAllowedHost(hostname, allowed)) return undefined;
  const addresses = isIP(hostname) ? [hostname] : isLocalhost(hostname) ? ['127.0.0.1', '::1'] : [];
  const problems = addresses.map((address) => forbiddenKind(address, allowed));
  if (problems.length === 0 || problems.includes(undefined)) return undefined;
  return `${hostname} is ${problems[0]}; ${onlyPublic}`;
}

/** What is wrong with a URL before its host is looked at, or undefined. */
export function urlFormProblem(url: string): string | undefined {
  if (!URL.canParse(url)) return 'must be a full URL, such as https://hooks.example.com/herald';
  const { protocol, username, password } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') return `must begin with https:// or http://, not ${protocol}`;
  if (username || password) return 'must not contain a user name or password; send them in an Authorization header';
  return undefined;
}

/** The reason behind every refused address, and the way out. */
export const onlyPublic =
  'Herald sends only to public addresses, unless HERALD_ALLOWED_DESTINATIONS lists the host or its range';

/** A URL's host without the brackets of an IPv6 address. */
export function unbracketed(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(globalUnicast);
}

function contains([network, bits]: [Address, number], address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

function parseRange(text: string): [Address, number] {
  if (!ipaddr.isValidCIDR(text)) {
    throw new Error(`"${text}" is no CIDR range; write it like 10.0.0.0/8 or fd00::/8`);
  }
  return ipaddr.parseCIDR(text);
}

function singleAddress(text: string): [Address, number] {
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function bareHost(hostname: string): string {
  return hostname.toLowerCase().replace(/\.$/, '');
}

function isLocalhost(hostname: string): boolean {
  const host = bareHost(hostname);
  return host === 'localhost' || host.endsWith('.localhost');
}
