import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { type Caller, firstCaller } from '../../support/caller.ts';
import { createSender, type RawAnswer } from './request.ts';

let api: TestApi;
let caller: Caller;
let sender: ReturnType<typeof createSender>;

beforeAll(async () => {
  api = await startTestApi();
  caller = firstCaller(api);
  sender = createSender(api.url);
  await caller.post('/v1/sessions', { id: 's' });
});
afterAll(async () => {
  sender?.close();
  await api?.close();
});

/** Sends bytes as they are. */
function send(body: string | Buffer, headers: Record<string, string> = {}, path = '/v1/sessions/s/events'): Promise<RawAnswer> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return sender.send({ method: 'POST', path, headers: { 'x-agentops-api-key': caller.key, 'content-type': 'application/json', ...headers }, body: bytes });
}

async function storedEvent(id: string): Promise<Record<string, unknown> | undefined> {
  const { body } = await caller.get(`/v1/sessions/s/events?event_id=${encodeURIComponent(id)}`);
  return body.data[0]?.payload as Record<string, unknown> | undefined;
}

describe('an event with odd contents is stored as it came:', () => {
  it.each<[string, unknown]>([
    ['NUL characters', 'before\u0000after'],
    ['half a surrogate pair', 'a\ud800b'],
    ['keys with NUL characters', { 'a\u0000b': 1 }],
    ['keys that objects have by themselves', JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":"x"}')],
    ['huge numbers', [1e308, -1e308, 5e-324, 2 ** 53]],
    ['far dates', ['9999-12-31T23:59:59Z', '0000-00-00', '+275760-09-13T00:00:00Z']],
    ['nesting that is deep, but not too deep', nested(80)],
    ['10,000 tags', Array.from({ length: 10_000 }, (_, index) => `tag ${index}`)],
  ])('%s', async (name, odd) => {
    const { status } = await send(JSON.stringify({ events: [{ id: name, type: 'tool', odd }] }));
    expect(status).toBe(200);
    expect((await storedEvent(name))?.odd).toEqual(odd);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each(['9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z', '+275760-09-13T00:00:00.001Z', '2024-02-30T25:61:61Z', '1e400', ''])('the time %s', async (time) => {
    const id = `at ${time}`;
    const { status } = await send(JSON.stringify({ events: [{ id, type: 'tool', init_timestamp: time, end_timestamp: time }] }));
    expect(status).toBe(200);
    expect(await storedEvent(id)).toMatchObject({ init_timestamp: time });
  });

  it('bytes that are no UTF-8, as the replacement character', async () => {
    const body = Buffer.concat([Buffer.from('{"events":[{"id":"bytes","type":"tool","odd":"a'), Buffer.from([0xff, 0xc0, 0xaf]), Buffer.from('b"}]}')]);
    expect((await send(body)).status).toBe(200);
    expect((await storedEvent('bytes'))?.odd).toBe('a\ufffd\ufffd\ufffdb');
  });
});

describe('a session with odd contents', () => {
  it('keeps 10,000 tags', async () => {
    const tags = Array.from({ length: 10_000 }, (_, index) => `key${index}:value`);
    expect((await caller.post('/v1/sessions', { id: 'tagged', tags })).status).toBe(201);
    const { body } = await caller.get('/v1/sessions/tagged');
    expect(body).toMatchObject({ tags, metadata: { key0: 'value', key9999: 'value' } });
  });

  it('keeps metadata whose keys objects have by themselves', async () => {
    const created = await send('{"id":"proto","metadata":{"__proto__":"a","constructor":"b","toString":"c"}}', {}, '/v1/sessions');
    expect(created.status).toBe(201);
    const { text } = await sender.send({ method: 'GET', path: '/v1/sessions/proto', headers: { 'x-agentops-api-key': caller.key } });
    expect(JSON.parse(text)).toHaveProperty('metadata', JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}'));
  });
});

describe('a body is refused with a word on what is wrong:', () => {
  it.each<[string, string | Buffer, Record<string, string>, number, RegExp]>([
    ['nested too deep', `{"events":[{"type":"tool","a":${'['.repeat(100_000)}${']'.repeat(100_000)}}]}`, {}, 400, /nested more than 100 levels/],
    ['compressed', gzipSync('{"events":[]}'), { 'content-encoding': 'gzip' }, 415, /Content-Encoding gzip/],
    ['compressed, and a thousand times as large inside', gzipSync(Buffer.alloc(20_000_000, ' ')), { 'content-encoding': 'gzip' }, 415, /Content-Encoding gzip/],
    ['text', 'hello', { 'content-type': 'text/plain' }, 415, /application\/json/],
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, /application\/json/],
    ['half a document', '{"events":[{"type":"to', {}, 400, /is not JSON/],
    ['nothing but a byte order mark', '\ufeff', {}, 400, /empty|not JSON/],
    ['more than is read', Buffer.alloc(17 * 1_048_576, ' '), {}, 413, /larger than/],
  ])('%s', async (_, body, headers, status, detail) => {
    const answer = await send(body, headers);
    expect({ status: answer.status, type: answer.type }).toEqual({ status, type: 'application/problem+json' });
    expect((JSON.parse(answer.text) as { detail: string }).detail).toMatch(detail);
  });
});

describe('an address or header is answered in its place:', () => {
  it.each<[string, string, Record<string, string>, number]>([
    ['a path of 10,000 characters', `/v1/sessions/${'a'.repeat(10_000)}`, {}, 404],
    ['a path that is no UTF-8', '/v1/sessions/%ff%fe', {}, 404],
    ['a path with NUL', '/v1/sessions/a%00b', {}, 400],
    ['the same parameter twice', '/v1/sessions?limit=1&limit=2', {}, 400],
    ['a parameter named like a prototype', '/v1/sessions?__proto__=1&constructor=2', {}, 400],
    ['a header of 20,000 characters', '/v1/sessions', { 'x-long': 'a'.repeat(20_000) }, 431],
    ['a key of 10,000 characters', '/v1/sessions', { 'x-agentops-api-key': 'a'.repeat(10_000) }, 401],
  ])('%s', async (_, path, headers, status) => {
    const answer = await sender.send({ method: 'GET', path, headers: { 'x-agentops-api-key': caller.key, ...headers } });
    expect(answer.status).toBe(status);
  });
});

describe('what is no proper request is refused, and harms no other:', () => {
  const path = '/v1/sessions/s/events';
  const head = (...headers: string[]) => [`POST ${path} HTTP/1.1`, 'Host: herald.test', `X-Agentops-Api-Key: ${caller.key}`, 'Content-Type: application/json', ...headers, '', ''].join('\r\n');

  it.each<[string, () => string, RegExp]>([
    ['bytes of another protocol', () => '\u0016\u0003\u0001\u0002\u0000\u0001', /^HTTP\/1\.1 400 /],
    ['a line that is none', () => 'HELLO\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['a header without a colon', () => 'GET / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['no Host', () => 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['a Host that is none', () => 'GET / HTTP/1.1\r\nHost: a b/c\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['two lengths', () => `${head('Content-Length: 2', 'Content-Length: 3')}{}`, /^HTTP\/1\.1 400 /],
    ['a length and chunks', () => `${head('Content-Length: 2', 'Transfer-Encoding: chunked')}0\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['a chunk without a length', () => `${head('Transfer-Encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n`, /^HTTP\/1\.1 400 /],
    ['an upgrade', () => 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n', /^HTTP\/1\.1 200 /],
    ['a tunnel', () => 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n', /^$/],
    ['half a body, and then the end', () => `${head('Content-Length: 100')}{"events":[`, /^(HTTP\/1\.1 400 |$)/],
  ])('%s', async (_, bytes, answer) => {
    expect(await exchange(bytes())).toMatch(answer);
    expect((await caller.get('/v1/sessions/s')).status).toBe(200);
  });

  /** Sends bytes, says that no more come, and answers what comes back until the server hangs up. */
  function exchange(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let heard = '';
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1', () => socket.end(bytes, 'latin1'));
      socket.setTimeout(10_000, () => socket.destroy(new Error('the server does not hang up')));
      socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
      socket.on('error', reject);
      socket.on('close', () => resolve(heard));
    });
  }
});

function nested(levels: number): unknown {
  return levels === 0 ? 'deep' : { a: [nested(levels - 2)] };
}
