import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
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

  /** Locks a session's row, so that whoever stores events of it waits. */
  async function holdSession(id: string): Promise<{ release: () => Promise<void> }> {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: isHeld, resolve: nowHeld } = Promise.withResolvers<void>();
    const holding = database.db.transaction().execute(async (trx) => {
      await sql`select from session_progress where session_key = (select key from sessions where id = ${id}) for update`.execute(trx);
      nowHeld();
      await released;
    });
    await isHeld;
    return { release: () => (release(), holding) };
  }

  async function waitingForLocks(): Promise<number> {
    const { rows } = await sql<{ count: number }>`select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`.execute(database.db);
    return rows[0]!.count;
  }

  async function storedIds(): Promise<string[]> {
    const rows = await database.db.selectFrom('events as e').innerJoin('sessions as s', 's.key', 'e.session_key').select('e.event_id').where('s.id', 'in', ['held', 'free']).execute();
    return rows.map(({ event_id: id }) => id);
  }

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

  it('refuses connections while it ends, answers every request that it has begun, and cuts none', async () => {
    const port = await freePort();
    const { child, ended } = run({ PORT: String(port) });
    const url = await ready(child, port);
    for (const id of ['held', 'free']) await post(`${url}/v1/sessions`, { id }, withKey(KEY));
    const lock = await holdSession('held');
    const report = (session: string, id: string, agent: Agent | false) => outcomeOf(port, `/v1/sessions/${session}/events`, { events: [{ id, type: 'llm' }] }, agent);
    const held = Promise.all(Array.from({ length: 10 }, (_, index) => report('held', `held ${index}`, false)));
    await expect.poll(waitingForLocks).toBeGreaterThan(0);

    const outcomes: { id: string; outcome: string }[] = [];
    let refused = 0;
    const keptAlive = new Agent({ keepAlive: true });
    const load = Promise.all(
      [false as const, keptAlive].flatMap((agent) =>
        Array.from({ length: 4 }, async (_, client) => {
          for (let number = 0, outcome = ''; outcome !== 'ECONNREFUSED'; number += 1) {
            const id = `${agent ? 'kept' : 'new'} ${client} ${number}`;
            outcome = await report('free', id, agent);
            outcomes.push({ id, outcome });
          }
          refused += 1;
        }),
      ),
    );
    await expect.poll(() => outcomes.length).toBeGreaterThan(30);
    const begun = performance.now();
    child.kill('SIGTERM');
    await expect.poll(() => refused).toBeGreaterThan(0);
    await lock.release();
    expect(await held).toEqual(Array.from({ length: 10 }, () => '200'));
    await load;
    const { code, output } = await ended;
    keptAlive.destroy();
    expect(code, output).toBe(0);
    expect(performance.now() - begun).toBeLessThan(GRACE_MS + 2000);

    // A request may meet a connection that is closed at that moment: the process has not seen it, and nothing of it is stored.
    const answered = outcomes.filter(({ outcome }) => outcome === '200').map(({ id }) => id);
    const unanswered = outcomes.filter(({ outcome }) => outcome !== '200').map(({ outcome }) => outcome);
    expect(unanswered.filter((outcome) => !['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(outcome))).toEqual([]);
    const stored = await storedIds();
    expect(stored.filter((id) => !id.endsWith(':started')).toSorted()).toEqual([...answered, ...Array.from({ length: 10 }, (_, index) => `held ${index}`)].toSorted());
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

/** The status that a request gets, the code of the error with which it fails, or `CUT` when its answer has no end. */
function outcomeOf(port: number, path: string, body: object, agent: Agent | false): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request({ port, path, agent, method: 'POST', headers: { 'content-type': 'application/json', ...withKey(KEY) } });
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    outgoing.on('response', (incoming) => {
      incoming.resume();
      incoming.on('close', () => resolve(incoming.complete ? String(incoming.statusCode) : 'CUT'));
    });
    outgoing.end(JSON.stringify(body));
  });
}

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
