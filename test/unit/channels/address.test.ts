import { describe, expect, it } from 'vitest';
import { checkUrl, forbiddenKind, parseAllowedDestinations } from '../../../activities/channels/address.ts';

const nothingAllowed = parseAllowedDestinations([]);

describe('an address that Herald does not send to', () => {
  it.each([
    ['127.0.0.1', 'a loopback address'],
    ['127.255.255.254', 'a loopback address'],
    ['0.0.0.0', 'an unspecified address'],
    ['10.1.2.3', 'a private address'],
    ['172.16.0.1', 'a private address'],
    ['192.168.1.1', 'a private address'],
    ['100.64.0.1', 'a carrier-grade NAT address'],
    ['169.254.1.1', 'a link-local address'],
    ['169.254.169.254', 'a link-local address'],
    ['224.0.0.1', 'a multicast address'],
    ['255.255.255.255', 'a broadcast address'],
    ['240.0.0.1', 'a reserved address'],
    ['192.0.2.1', 'a reserved address'],
    ['198.18.0.1', 'a reserved address'],
    ['192.88.99.1', 'a reserved address'],
    ['::', 'an unspecified address'],
    ['::1', 'a loopback address'],
    ['fe80::1', 'a link-local address'],
    ['fe80::1%eth0', 'a link-local address'],
    ['fc00::1', 'a private address'],
    ['fd00:ec2::254', 'a private address'],
    ['ff02::1', 'a multicast address'],
    ['fec0::1', 'a reserved address'],
    ['2001:db8::1', 'a reserved address'],
    ['2002:7f00:1::', 'a reserved address'],
    ['2001::1', 'a reserved address'],
    ['64:ff9b::7f00:1', 'a reserved address'],
    ['::7f00:1', 'a reserved address'],
    ['4000::1', 'a reserved address'],
    ['::ffff:127.0.0.1', 'a loopback address'],
    ['::ffff:a00:1', 'a private address'],
    ['::ffff:169.254.169.254', 'a link-local address'],
    ['not-an-address', 'not an address'],
  ])('%s is %s', (address, kind) => {
    expect(forbiddenKind(address, nothingAllowed)).toBe(kind);
  });

  it.each(['1.1.1.1', '93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '::ffff:1.1.1.1'])(
    'is not %s, which is public',
    (address) => {
      expect(forbiddenKind(address, nothingAllowed)).toBeUndefined();
    },
  );
});

describe('allowed destinations', () => {
  const allowed = parseAllowedDestinations(['10.0.0.0/8', '192.168.1.7', 'fd00::/8', '[::1]', 'Hooks.Internal']);

  it('let ranges and single addresses through, and nothing beside them', () => {
    for (const address of ['10.255.0.1', '::ffff:10.0.0.1', '192.168.1.7', 'fd12::1', '::1']) {
      expect(forbiddenKind(address, allowed)).toBeUndefined();
    }
    for (const address of ['192.168.1.8', '172.16.0.1', '127.0.0.1', 'fc00::1']) {
      expect(forbiddenKind(address, allowed)).toBeDefined();
    }
  });

  it('name the entry that is no range', () => {
    expect(() => parseAllowedDestinations(['10.0.0.0/40'])).toThrow('"10.0.0.0/40" is no CIDR range; write it like 10.0.0.0/8 or fd00::/8');
  });
});

describe('checking a URL when it is configured', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://017700000001/',
    'http://127.0.0.1./',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://localhost:8080/',
    'http://LOCALHOST./',
    'http://hooks.localhost/',
    'http://⑫7.0.0.1/',
  ])('refuses %s as loopback', (url) => {
    expect(checkUrl(url, [])).toMatch(/ is a loopback address; Herald sends only to public addresses, unless HERALD_ALLOWED_DESTINATIONS lists/);
  });

  it.each([
    ['ftp://example.com/', 'must begin with https:// or http://, not ftp:'],
    ['file:///etc/passwd', 'must begin with https:// or http://, not file:'],
    ['example.com/hook', 'must be a full URL, such as https://hooks.example.com/herald'],
    ['http://', 'must be a full URL, such as https://hooks.example.com/herald'],
    ['http://300.1.1.1/', 'must be a full URL, such as https://hooks.example.com/herald'],
    ['https://user:pass@example.com/', 'must not contain a user name or password; send them in an Authorization header'],
  ])('refuses %s: it %s', (url, problem) => {
    expect(checkUrl(url, ['127.0.0.0/8'])).toBe(problem);
  });

  it('accepts public addresses and names, which are checked again at every connection', () => {
    for (const url of ['https://hooks.example.com/x', 'http://1.1.1.1/', 'https://[2606:4700:4700::1111]:8443/']) {
      expect(checkUrl(url, [])).toBeUndefined();
    }
  });

  it('accepts what is allowed, by range or by name', () => {
    expect(checkUrl('http://127.0.0.1:4000/', ['127.0.0.0/8'])).toBeUndefined();
    expect(checkUrl('http://localhost:4000/', ['127.0.0.0/8'])).toBeUndefined();
    expect(checkUrl('http://localhost:4000/', ['LOCALHOST'])).toBeUndefined();
    expect(checkUrl('http://10.0.0.1/', ['127.0.0.0/8'])).toContain('10.0.0.1 is a private address');
  });
});
