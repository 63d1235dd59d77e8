import { execFile, execSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPidFile } from '../../embedded/pidFile.ts';
import { readPorts } from '../../embedded/ports.ts';
import { commandLineOf, isRunning } from '../../embedded/processes.ts';
import { newDataDir, type StartedHerald, startHerald, startInVain, unusedPort } from '../support/startedHerald.ts';

/** A start takes seconds, but the machine may be busy. */
const PATIENCE_MS = 180_000;

describe('npm start', () => {
  const env = { PORT: '', HERALD_DATA_DIR: newDataDir() };
  const other = { PORT: '', HERALD_DATA_DIR: newDataDir() };
  let herald: StartedHerald;
  let beside: StartedHerald;

  beforeAll(async () => {
    for (const dataDir of [env.HERALD_DATA_DIR, other.HERALD_DATA_DIR]) chmodSync(path.dirname(dataDir), 0o711);
    env.PORT = String(await unusedPort());
    other.PORT = String(await unusedPort());
    herald = startHerald(env);
    beside = startHerald(other);
    await Promise.all([herald.ready(), beside.ready()]);
  }, PATIENCE_MS);

  afterAll(async () => {
    await Promise.all([herald.end('SIGINT'), beside.end('SIGTERM')]);
    for (const dataDir of [env.HERALD_DATA_DIR, other.HERALD_DATA_DIR]) rmSync(path.dirname(dataDir), { recursive: true });
  });

  it('prints a curl that works as pasted', async () => {
    const curl = /curl -X POST[\s\S]*?}'/.exec(herald.output())?.[0] ?? 'false';
    const { stdout } = await promisify(execFile)('bash', ['-c', curl]);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'success', session_id: 'my-first-session' });
  });

  it('prints where the Temporal UI is', async () => {
    const address = /Temporal UI +(\S+)/.exec(herald.output())?.[1] ?? '';
    expect((await fetch(address)).status).toBe(200);
  });

  it('keeps the first key and the other secrets for their owner alone', () => {
    for (const name of ['api-key', 'secret-key', 'postgres-password']) {
      expect(statSync(path.join(env.HERALD_DATA_DIR, name)).mode & 0o777, name).toBe(0o600);
    }
    expect(herald.output()).toContain(readFileSync(path.join(env.HERALD_DATA_DIR, 'api-key'), 'utf8').trim());
  });

  it('runs beside a second copy with another port and data folder', () => {
    const ports = Object.values(readPorts(env.HERALD_DATA_DIR));
    const otherPorts = Object.values(readPorts(other.HERALD_DATA_DIR));
    expect(new Set([...ports, ...otherPorts]).size).toBe(ports.length + otherPorts.length);
  });

  it('says in one sentence that the data folder is in use', async () => {
    const said = await startInVain({ ...env, PORT: String(await unusedPort()) });
    expect(said).toMatch(/^Herald is already running on .*\n$/);
  });

  it('says in one sentence that the port is in use', async () => {
    const dataDir = newDataDir();
    const said = await startInVain({ PORT: env.PORT, HERALD_DATA_DIR: dataDir });
    rmSync(path.dirname(dataDir), { recursive: true });
    expect(said).toBe(`Port ${env.PORT} is in use: set PORT to a free one, like PORT=${Number(env.PORT) + 1} npm start.\n`);
  });

  it('says in one sentence that a configured server cannot be reached', async () => {
    const dataDir = newDataDir();
    const said = await startInVain({ PORT: String(await unusedPort()), HERALD_DATA_DIR: dataDir, DATABASE_URL: 'postgres://herald:secret@127.0.0.1:1/herald', TEMPORAL_ADDRESS: '127.0.0.1:1' });
    rmSync(path.dirname(dataDir), { recursive: true });
    expect(said).toContain('The database 127.0.0.1:1/herald cannot be reached (ECONNREFUSED)');
    expect(said).not.toContain('secret');
  });

  it('makes a further organisation while it runs', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['bin/org.ts', 'create', 'Payments'], { env: { ...process.env, ...env } });
    const key = /API key +(\S+)/.exec(stdout)?.[1] ?? '';
    const answer = await fetch(`http://127.0.0.1:${env.PORT}/v1/agents`, { headers: { Authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
  });

  it('starts a killed worker again', async () => {
    const pidFile = path.join(env.HERALD_DATA_DIR, 'run', 'worker.pid');
    const before = readPidFile(pidFile) ?? 0;
    process.kill(before, 'SIGKILL');
    await expect.poll(() => readPidFile(pidFile) ?? before, { timeout: 20_000 }).not.toBe(before);
  });

  it('comes back after kill -9 with the same data, key and ports, and ends what was left running', async () => {
    const ports = readPorts(env.HERALD_DATA_DIR);
    const key = readFileSync(path.join(env.HERALD_DATA_DIR, 'api-key'), 'utf8').trim();
    await herald.end('SIGKILL');
    const leftRunning = processesOn(env.HERALD_DATA_DIR);
    expect(leftRunning.length).toBeGreaterThan(0);

    herald = startHerald(env);
    await herald.ready();
    expect(herald.output()).toContain(key);
    expect(readPorts(env.HERALD_DATA_DIR)).toEqual(ports);
    expect(leftRunning.filter(isRunning)).toEqual([]);
    const session = await fetch(`http://127.0.0.1:${env.PORT}/v1/sessions/my-first-session`, { headers: { Authorization: `Bearer ${key}` } });
    expect(session.status).toBe(200);
  }, PATIENCE_MS);

  it('leaves nothing running after Ctrl-C', async () => {
    expect(await beside.end('SIGINT')).toBe(0);
    expect(processesOn(other.HERALD_DATA_DIR)).toEqual([]);
  });
});

/** Postgres and Temporal have their data folder on their command line. */
function processesOn(dataDir: string): number[] {
  const all = execSync('ps -eo pid=', { encoding: 'utf8' }).trim().split('\n').map(Number);
  return all.filter((pid) => commandLineOf(pid).includes(dataDir));
}
