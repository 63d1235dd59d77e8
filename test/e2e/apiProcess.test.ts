import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensureFirstOrganisation } from '../../store/organisations.ts';
import { post, withKey, withToken } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/stack.ts';

const KEY = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const GRACE_MS = 4000;

/** `npm run api` as production runs it, here with the Temporal server away. */
describe('the API process', () => {
  let database: TestDatabase;
  const started: ChildProcess[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    await ensureFirstOrganisation(database.db, { key: KEY });
  });
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });
  afterAll(() => database.close());

  function run(changes: Record<string, string> = {}) {
    const child = fork('api/main.ts', {
      silent: true,
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: database.url,
        TEMPORAL_ADDRESS: '127.0.0.1:1',
        HERALD_SECRET_KEY: 'x'.repeat(32),
        HERALD_SHUTDOWN_GRACE_MS: String(GRACE_MS),
        ...changes,
      },
    });
    started.push(child);
    let output = '';
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text: Buffer) => (output += text.toString()));
    // Not 'close', which does not come after a disconnect.
    const printed = Promise.all([once(child.stdout!, 'end'), once(child.stderr!, 'end')]);
    const ended = Promise.all([once(child, 'exit'), printed]).then(([[code]]) => ({ code: code as number | null, output }));
    return { child, ended };
  }

  it('accepts events while Temporal is away, and ends in order on SIGTERM', async () => {
    const port = await freePort();
    const { child, ended } = run({ PORT: String(port) });
    const url = await ready(child, port);
    const { body } = await post(`${url}/v2/create_session`, { id: 's' }, withKey(KEY));
    const { jwt } = body as { jwt: string };
    expect(await post(`${url}/v2/create_events`, { events: [{ id: 'a', type: 'llm' }] }, withToken(jwt))).toMatchObject({ status: 200, body: 'Success' });
    const begun = performance.now();
    child.kill('SIGTERM');
    const { code, output } = await ended;
    expect(code, output).toBe(0);
    expect(performance.now() - begun).toBeLessThan(GRACE_MS + 2000);
    expect(output).toContain('the API is ready');
    expect(output).not.toContain(KEY);
    expect(output).not.toContain(jwt);
  });

  it('answers who waits when it is to end', async () => {
    const port = await freePort();
    const { child, ended } = run({ PORT: String(port) });
    const url = await ready(child, port);
    await post(`${url}/v2/create_session`, { id: 'waiting' }, withKey(KEY));
    const waits = fetch(`${url}/v1/sessions/waiting/wait?until=ended&timeout_s=60`, { headers: withKey(KEY) });
    const stream = await fetch(`${url}/v1/sessions/waiting/stream`, { headers: withKey(KEY) });
    await sleep(300);
    child.kill('SIGTERM');
    const answer = await waits;
    expect([answer.status, await answer.json()]).toMatchObject([200, { reached: false, status: 'starting', ended: false }]);
    expect(await stream.text()).toContain('event: status');
    const { code, output } = await ended;
    expect(code, output).toBe(0);
  });

  it('ends when its parent disappears', async () => {
    const port = await freePort();
    const { child, ended } = run({ PORT: String(port) });
    await ready(child, port);
    child.disconnect();
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('says which setting is missing', async () => {
    const { code, output } = await run({ DATABASE_URL: '' }).ended;
    expect(code).toBe(1);
    expect(output).toContain('DATABASE_URL is not set');
  });

  it('says that its port is in use', async () => {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, output } = await run({ PORT: String(port) }).ended;
    server.close();
    expect(code).toBe(1);
    expect(output).toContain(`Port ${port} is in use. Set PORT to a free one.`);
  });

  it('says that Postgres cannot be reached, without the password', async () => {
    const { code, output } = await run({ DATABASE_URL: 'postgres://user:hunter2@127.0.0.1:1/herald', PORT: '1' }).ended;
    expect(code).toBe(1);
    expect(output).toContain('Postgres cannot be reached. Check DATABASE_URL');
    expect(output).not.toContain('hunter2');
  });
});

async function ready(child: ChildProcess, port: number): Promise<string> {
  expect(await once(child, 'message')).toEqual(['ready', undefined]);
  return `http://127.0.0.1:${port}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  await sleep(10);
  return port;
}
