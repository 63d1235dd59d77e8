import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { newOrganisation, post, startSession, startTestApi, storedEvents, type TestApi, withKey, withToken } from '../support/api.ts';

describe('an installation', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api.close());

  async function get(path: string): Promise<{ status: number; type: string | null; text: string }> {
    const response = await fetch(api.url + path, { redirect: 'manual' });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  }

  it('lists its addresses', async () => {
    expect(JSON.parse((await get('/')).text)).toEqual({
      name: 'herald',
      api: 'http://herald.test/v1',
      agentops_api: 'http://herald.test/v2',
      docs: 'http://herald.test/docs',
      openapi: 'http://herald.test/openapi.json',
      temporal_ui: 'http://temporal.test',
    });
  });

  it('is alive, and ready without Temporal', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    expect(await get('/readyz')).toMatchObject({ status: 200, text: '{"status":"ready","postgres":true,"temporal":false}' });
  });

  it('leads to a session only when it is clear whose it is', async () => {
    const other = await newOrganisation(api.db);
    await startSession(api, { id: 'one' });
    await startSession(api, { id: 'two' });
    await startSession({ ...api, key: other.key }, { id: 'two' });
    expect(await get('/sessions/one')).toMatchObject({ status: 302 });
    expect(await get('/sessions/two')).toMatchObject({ status: 404, text: expect.stringContaining('Several organisations') });
    expect(await get('/sessions/three')).toMatchObject({ status: 404, text: expect.stringContaining("no session 'three'") });
    expect(await get('/sessions/a%00b')).toMatchObject({ status: 404 });
  });

  it('describes every route, as JSON and as YAML', async () => {
    const json = JSON.parse((await get('/openapi.json')).text);
    const agentops = ['create_session', 'sessions', 'update_session', 'reauthorize_jwt', 'create_events', 'update_events', 'create_agent', 'create_thread', 'developer_errors'];
    const expected = agentops.flatMap((route) => [`/v2/${route}`, `/${route}`]);
    expect(Object.keys(json.paths)).toEqual(expect.arrayContaining([...expected, '/v1/integrations', '/v1/agents', '/v1/event_types', '/', '/readyz']));
    expect(json.openapi).toBe('3.1.0');
    const yaml = await get('/v2/openapi.yaml');
    expect(yaml.type).toContain('yaml');
    expect(parse(yaml.text)).toEqual(json);
  });

  it('shows its documentation without asking anybody else', async () => {
    const { status, type, text } = await get('/docs');
    expect({ status, type }).toEqual({ status: 200, type: 'text/html; charset=UTF-8' });
    expect(text).toContain('/v2/create_session');
    expect(text).toContain('/v1/integrations');
    expect(text).not.toMatch(/<(script|link|img|iframe)\b/);
    expect(text).not.toMatch(/(src|href)="https?:/);
  });

  it('stops reading a body at the limit, whether or not its length was announced', async () => {
    const small = await startTestApi({ limits: { requestBytes: 10_000, eventBytes: 10_000, eventsPerRequest: 10 } });
    const announced = await post(`${small.url}/v2/create_session`, 'x'.repeat(10_001), withKey(small.key));
    expect(announced).toMatchObject({ status: 413, body: { error: 'Too large', message: expect.stringContaining('10000 bytes') } });
    const { status, sent } = await sendEndlessly(`${small.url}/v2/create_session`, withKey(small.key));
    expect(status).toBe(413);
    expect(sent).toBeLessThan(5_000_000);
    await small.close();
  });

  it('answers what is in flight when it stops, and ends its connections', async () => {
    const stopping = await startTestApi();
    const token = withToken(await startSession(stopping, { id: 'last' }));
    const { answered, finish } = await sendSlowly(`${stopping.url}/v2/create_events`, token, '{"events":[{"id":"a",', '"type":"llm"}]}');
    const closed = stopping.server.close(5000);
    finish();
    expect(await answered).toEqual({ status: 200, connection: 'close' });
    await closed;
    expect(await storedEvents(stopping, 'last')).toHaveLength(2);
    await expect(fetch(`${stopping.url}/healthz`)).rejects.toThrow('fetch failed');
    await stopping.close();
  });
});

/** Sends a body without an end, and tells when it was answered. */
function sendEndlessly(url: string, headers: Record<string, string>): Promise<{ status: number | undefined; sent: number }> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    const chunk = Buffer.alloc(10_000, ' ');
    const outgoing = request(url, { method: 'POST', headers }, (incoming) => {
      clearInterval(timer);
      resolve({ status: incoming.statusCode, sent });
      outgoing.destroy();
    });
    outgoing.on('error', reject);
    const timer = setInterval(() => {
      sent += chunk.length;
      outgoing.write(chunk);
    }, 5);
  });
}

/** Sends the first half of a body now and the rest when told to. */
async function sendSlowly(url: string, headers: Record<string, string>, first: string, rest: string) {
  const outgoing = request(url, { method: 'POST', headers });
  const answered = new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
    outgoing.once('response', (incoming) => {
      incoming.resume();
      resolve({ status: incoming.statusCode, connection: incoming.headers.connection });
    });
    outgoing.once('error', reject);
  });
  await new Promise<void>((resolve) => outgoing.write(first, () => resolve()));
  // Until the server has the request in hand.
  await sleep(200);
  return { answered, finish: () => outgoing.end(rest) };
}
