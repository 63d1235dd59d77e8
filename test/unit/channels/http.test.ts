import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { createOutgoingHttp, type OutgoingHttpOptions } from '../../../activities/channels/http.ts';
import { startLoopbackServer } from '../../support/loopbackServer.ts';
import { type ReceiverOptions, startReceiver } from '../../support/receiver.ts';
import { selfSigned } from '../../support/certificates.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(cleanUps.splice(0).map((cleanUp) => cleanUp()));
});

function outgoing(options: Partial<OutgoingHttpOptions> = {}) {
  const http = createOutgoingHttp({ allowedDestinations: ['127.0.0.0/8'], ...options });
  cleanUps.push(() => http.close());
  return (url: string, timeoutMs = 5000) => http.post({ url, headers: { 'content-type': 'application/json' }, body: '{}', timeoutMs });
}

async function receiver(behaviour?: ReceiverOptions['behaviour']) {
  const started = await startReceiver({ behaviour });
  cleanUps.push(() => started.close());
  return started;
}

/** A server that does as it likes with a connection once the request has begun to arrive. */
async function rawServer(answer: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

describe('an answer', () => {
  it('comes with status, text and the time it took', async () => {
    const { url, received } = await receiver({ status: 503, body: 'over capacity', delayMs: 50 });
    const response = await outgoing()(`${url}/hooks/1?team=a%20b`);
    expect(response).toEqual({ kind: 'answered', statusCode: 503, body: 'over capacity', durationMs: expect.any(Number) });
    expect(response.durationMs).toBeGreaterThanOrEqual(45);
    expect(received).toMatchObject([{ path: '/hooks/1?team=a%20b', body: '{}', headers: { 'content-type': 'application/json' } }]);
  });

  it('is kept up to 4 KiB, and the rest is not read', async () => {
    let cutOff = false;
    const server = await startLoopbackServer((_, response) => {
      const endless = Readable.from(repeat('é'.repeat(10_000)));
      response.on('close', () => (cutOff = true));
      endless.pipe(response);
    });
    cleanUps.push(() => server.close());
    const response = await outgoing()(server.url);
    expect(response).toMatchObject({ kind: 'answered', statusCode: 200, body: 'é'.repeat(2048) });
    await expect.poll(() => cutOff).toBe(true);
  });

  it('loses half a character at the cut and NUL, which Postgres cannot store', async () => {
    const { url } = await receiver({ body: `\0${'é'.repeat(4000)}` });
    expect(await outgoing()(url)).toMatchObject({ body: `\uFFFD${'é'.repeat(2047)}` });
  });

  it('counts by its status, also when its body never ends', async () => {
    const { url } = await receiver({ status: 202, hang: 'body' });
    expect(await outgoing()(url, 200)).toMatchObject({ kind: 'answered', statusCode: 202, body: 'begun' });
  });

  it('that redirects is an answer like any other: nobody follows it', async () => {
    const target = await receiver();
    const { url } = await receiver({ status: 307, headers: { location: target.url } });
    expect(await outgoing()(url)).toMatchObject({ kind: 'answered', statusCode: 307 });
    expect(target.received).toEqual([]);
  });

  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 7 ', 7000],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1.5', undefined],
  ])('with Retry-After "%s" asks for %s ms', async (header, expected) => {
    const { url } = await receiver({ status: 429, headers: { 'retry-after': header } });
    const response = await outgoing()(url);
    expect(response.kind === 'answered' && response.retryAfterMs).toBe(expected);
  });

  it('with a date in Retry-After asks for the time until then', async () => {
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    const { url } = await receiver({ status: 503, headers: { 'retry-after': inAMinute } });
    const response = await outgoing()(url);
    const wait = response.kind === 'answered' ? response.retryAfterMs : 0;
    expect(wait).toBeGreaterThan(55_000);
    expect(wait).toBeLessThanOrEqual(60_000);
  });
});

describe('a request that nobody answers', () => {
  it('says that the endpoint took too long', async () => {
    const { url, received } = await receiver({ hang: 'answer' });
    const response = await outgoing()(url, 200);
    expect(response).toMatchObject({ kind: 'unreachable', error: `${url.slice(7)} did not answer within 0.2 s` });
    expect(response.durationMs).toBeLessThan(1000);
    expect(received).toHaveLength(1);
  });

  it('is never sent once its time is up while it waited for a connection', async () => {
    const { url, received } = await receiver({ delayMs: 400 });
    const post = outgoing({ connectionsPerOrigin: 1 });
    const [first, second] = await Promise.all([post(url), post(url, 100)]);
    expect([first.kind, second.kind]).toEqual(['answered', 'unreachable']);
    expect(await post(url)).toMatchObject({ kind: 'answered' });
    expect(received).toHaveLength(2);
  });

  it('says that the connection was refused', async () => {
    const { url, close } = await startReceiver();
    await close();
    expect(await outgoing()(url)).toMatchObject({ kind: 'unreachable', error: `connection refused by ${url.slice(7)}` });
  });

  it('says that the connection was reset', async () => {
    const { url, received } = await receiver({ reset: true });
    const error = `connection reset by ${url.slice(7)} before it answered`;
    expect(await outgoing()(url)).toMatchObject({ kind: 'unreachable', error });
    expect(received).toHaveLength(1);
  });

  it('says that the connection was closed', async () => {
    const host = await rawServer((socket) => socket.end());
    expect(await outgoing()(`http://${host}`)).toMatchObject({ kind: 'unreachable', error: `${host} closed the connection before it answered` });
  });

  it('says that the answer is not HTTP', async () => {
    const host = await rawServer((socket) => socket.end('220 smtp.example.com\r\n'));
    expect(await outgoing()(`http://${host}`)).toMatchObject({ kind: 'unreachable', error: `the answer of ${host} is not HTTP` });
  });

  it.each([
    ['ENOTFOUND', 'the host name of hooks.example.com:443 does not exist (DNS)'],
    ['EAI_AGAIN', 'the host name of hooks.example.com:443 cannot be looked up for now (DNS)'],
  ])('says what DNS said: %s', async (code, error) => {
    const post = outgoing({ resolver: (_, __, callback) => callback(Object.assign(new Error(code), { code }), []) });
    expect(await post('https://hooks.example.com/')).toMatchObject({ kind: 'unreachable', error });
  });

  it('says that the certificate is not trusted', async () => {
    const server = createTlsServer(selfSigned, (_, response) => response.end('never')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
    const address = server.address();
    const host = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const error = `the TLS certificate of ${host} is not trusted: self-signed certificate`;
    expect(await outgoing()(`https://${host}`)).toMatchObject({ kind: 'unreachable', error });
  });

  it('says that the endpoint does not speak TLS', async () => {
    const { port } = await receiver();
    const error = `127.0.0.1:${port} does not speak TLS as it should`;
    expect(await outgoing()(`https://127.0.0.1:${port}`)).toMatchObject({ kind: 'unreachable', error });
  });

  it.each([
    ['a line break in a header', { 'x-team': 'blue\r\nwebhook-id: forged' }],
    ['a line feed in a header', { 'x-team': 'blue\nwebhook-id: forged' }],
    ['NUL in a header', { 'x-team': 'blue\0' }],
    ['a line break in the name of a header', { 'x-team\r\nwebhook-id': 'forged' }],
  ])('is not sent at all with %s', async (_, headers) => {
    const { url, received } = await receiver();
    const http = createOutgoingHttp({ allowedDestinations: ['127.0.0.0/8'] });
    const response = await http.post({ url, headers, body: '{}', timeoutMs: 1000 });
    await http.close();
    expect(response).toMatchObject({ kind: 'unreachable', error: expect.stringContaining('header') });
    expect(received).toEqual([]);
  });

  it('becomes unreachable when the process shuts down', async () => {
    const { url, waitFor } = await receiver({ hang: 'answer' });
    const http = createOutgoingHttp({ allowedDestinations: ['127.0.0.0/8'] });
    const pending = http.post({ url, headers: {}, body: '{}', timeoutMs: 10_000 });
    await waitFor(1);
    await http.close();
    expect(await pending).toMatchObject({ kind: 'unreachable' });
  });
});

describe('a destination that is not public', () => {
  it.each(['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '[::ffff:127.0.0.1]', '[::1]', 'localhost'])(
    'is not connected to: %s',
    async (host) => {
      const { port, received } = await receiver();
      const response = await outgoing({ allowedDestinations: [] })(`http://${host}:${port}/`);
      expect(response).toMatchObject({ kind: 'forbidden', error: expect.stringContaining('a loopback address') });
      expect(received).toEqual([]);
    },
  );

  it('is not connected to under a name, and the name does not give its address away', async () => {
    const { port, received } = await receiver();
    const post = outgoing({ allowedDestinations: [], resolver: resolveTo('127.0.0.1') });
    expect(await post(`http://hooks.example.com:${port}/`)).toMatchObject({
      kind: 'forbidden',
      error: 'hooks.example.com leads to a loopback address; Herald sends only to public addresses, unless HERALD_ALLOWED_DESTINATIONS lists the host or its range',
    });
    expect(received).toEqual([]);
  });

  const forbidden: [string, string][] = [
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '192.168.0.1'],
    ['link-local, the metadata of most clouds', '169.254.169.254'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['carrier-grade NAT, the metadata of Alibaba', '100.100.100.200'],
    ['unspecified, which is this machine', '0.0.0.0'],
    ['unspecified, which is this machine', '::'],
    ['link-local', 'fe80::1'],
    ['unique local', 'fd12:3456::1'],
    ['unique local, the metadata of AWS', 'fd00:ec2::254'],
    ['IPv4-mapped', '::ffff:10.0.0.1'],
    ['IPv4-mapped metadata', '::ffff:169.254.169.254'],
    ['IPv4-compatible', '::a00:1'],
    ['NAT64', '64:ff9b::a9fe:a9fe'],
    ['local NAT64', '64:ff9b:1::a9fe:a9fe'],
    ['6to4', '2002:a9fe:a9fe::1'],
    ['Teredo', '2001:0:a9fe:a9fe::1'],
    ['multicast', '224.0.0.1'],
    ['for documentation', '2001:db8::1'],
  ];

  it.each(forbidden)('is not connected to under a name: %s, %s', async (_, address) => {
    const post = outgoing({ resolver: resolveTo(address) });
    expect(await post('http://hooks.example.com/')).toMatchObject({ kind: 'forbidden', error: expect.stringContaining('hooks.example.com leads to') });
  });

  it.each(forbidden)('is not connected to as it is: %s, %s', async (_, address) => {
    const host = address.includes(':') ? `[${address}]` : address;
    expect(await outgoing()(`http://${host}/`)).toMatchObject({ kind: 'forbidden', error: expect.stringContaining('Herald sends only to public addresses') });
  });

  it('is not reached through a translation of an address that is allowed', async () => {
    const post = outgoing({ allowedDestinations: ['127.0.0.0/8', '10.0.0.0/8'] });
    for (const host of ['[64:ff9b::7f00:1]', '[2002:7f00:1::]', '[::7f00:1]']) expect(await post(`http://${host}/`)).toMatchObject({ kind: 'forbidden' });
    const { port } = await receiver();
    expect(await post(`http://[::ffff:127.0.0.1]:${port}/`)).toMatchObject({ kind: 'answered' });
  });

  it('is left out when a name has other addresses too', async () => {
    const { port } = await receiver();
    const post = outgoing({ resolver: resolveTo('10.0.0.1', '127.0.0.1') });
    expect(await post(`http://hooks.example.com:${port}/`)).toMatchObject({ kind: 'answered' });
  });

  it('is not reached by a name that changes its address: each connection goes where its own check looked', async () => {
    const { port, received } = await receiver({ headers: { connection: 'close' } });
    const answers = ['127.0.0.1', '127.0.0.2'];
    const post = outgoing({
      allowedDestinations: ['127.0.0.1'],
      resolver: (_, __, callback) => callback(null, [{ address: answers.shift() ?? '', family: 4 }]),
    });
    expect(await post(`http://rebinding.example.com:${port}/`)).toMatchObject({ kind: 'answered' });
    expect(await post(`http://rebinding.example.com:${port}/`)).toMatchObject({ kind: 'forbidden' });
    expect(answers).toEqual([]);
    expect(received).toHaveLength(1);
  });

  it('is reached when its name is allowed, wherever it leads', async () => {
    const { port } = await receiver();
    const post = outgoing({ allowedDestinations: ['hooks.internal'], resolver: resolveTo('127.0.0.1') });
    expect(await post(`http://HOOKS.internal:${port}/`)).toMatchObject({ kind: 'answered' });
    expect(await post(`http://other.internal:${port}/`)).toMatchObject({ kind: 'forbidden' });
  });

  it.each(['ftp://example.com/', 'not a URL', 'http://user:pass@example.com/'])('is not even a URL to send to: %s', async (url) => {
    expect(await outgoing()(url)).toMatchObject({ kind: 'forbidden', error: expect.stringMatching(/^the URL must/) });
  });
});

function resolveTo(...addresses: string[]): OutgoingHttpOptions['resolver'] {
  return (_, __, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
}

function* repeat(text: string): Generator<string> {
  for (;;) yield text;
}
