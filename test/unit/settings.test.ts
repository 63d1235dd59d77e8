import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { processEnvironment } from '../../bin/start/processEnvironment.ts';
import { readSettings, readStartSettings, SettingsError } from '../../config/settings.ts';

const complete = {
  DATABASE_URL: 'postgres://herald:pw@db:5432/herald',
  TEMPORAL_ADDRESS: 'temporal:7233',
  HERALD_SECRET_KEY: 'a secret that is long enough to be one',
};

function complaint(env: Record<string, string>): string {
  try {
    readSettings({ ...complete, ...env });
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  return 'none';
}

describe('settings', () => {
  it('need nothing for npm start', () => {
    const settings = readStartSettings({});
    expect(settings).toMatchObject({ port: 3000, publicUrl: 'http://localhost:3000', temporal: { namespace: 'default' }, allowedDestinations: [] });
    expect(settings.dataDir).toBe(path.resolve('.herald'));
  });

  it('name every variable that a process of its own lacks', () => {
    const read = () => readSettings({});
    for (const name of ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'HERALD_SECRET_KEY']) expect(read).toThrow(`${name} is not set`);
  });

  it('say everything that is wrong at once', () => {
    expect(complaint({ PORT: '0', HERALD_API_KEY: 'my-key', TEMPORAL_ADDRESS: 'http://temporal:7233' })).toBe(
      [
        'PORT must be a port number from 1 to 65535.',
        'HERALD_API_KEY must be a UUID, because the AgentOps SDK takes no other key (uuidgen makes one).',
        'TEMPORAL_ADDRESS must be host:port, like localhost:7233.',
      ].join('\n'),
    );
  });

  it.each([
    [{ PORT: '65536' }],
    [{ PORT: '3000x' }],
    [{ DATABASE_URL: 'mysql://db/herald' }],
    [{ HERALD_SECRET_KEY: 'too short' }],
    [{ HERALD_PUBLIC_URL: 'herald.example' }],
    [{ HERALD_PUBLIC_URL: 'ftp://herald.example' }],
    [{ HERALD_ALLOWED_DESTINATIONS: '10.0.0.0/33' }],
    [{ HERALD_ALLOWED_DESTINATIONS: 'http://internal' }],
    [{ HERALD_MAX_REQUEST_BYTES: '16MB' }],
    [{ HERALD_TOKEN_PRICES: '{"gpt-4": 30}' }],
    [{ HERALD_LOG_LEVEL: 'loud' }],
    [{ HERALD_TIMINGS: '{"send":{"retrySchedule":[]}}' }],
    [{ HERALD_TIMINGS: '{"relay":{"pause":5}}' }],
    [{ TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/no/such/file' }],
    [{ TEMPORAL_TLS: 'yes' }],
    [{ HERALD_WORKER_DEPLOYMENT: 'herald.production', HERALD_BUILD_ID: '1' }],
    [{ HERALD_WORKER_DEPLOYMENT: 'herald' }],
    [{ HERALD_BUILD_ID: '2026-11-23.1' }],
  ])('refuse %j', (env) => {
    expect(complaint(env)).toContain(Object.keys(env)[0]);
  });

  it('say which version of the workflow code a worker has', () => {
    const { deployment } = readSettings({ ...complete, HERALD_WORKER_DEPLOYMENT: 'herald', HERALD_BUILD_ID: '2026-11-23.1' });
    expect(deployment).toEqual({ name: 'herald', buildId: '2026-11-23.1' });
  });

  it('take an empty variable for an absent one', () => {
    expect(readSettings({ ...complete, PORT: '', TEMPORAL_API_KEY: '', HERALD_API_KEY: '' })).toMatchObject({ port: 3000 });
  });

  it('read lists of hosts, addresses and CIDRs', () => {
    const settings = readSettings({ ...complete, HERALD_ALLOWED_DESTINATIONS: 'hooks.internal, 10.0.0.0/8,::1' });
    expect(settings.allowedDestinations).toEqual(['hooks.internal', '10.0.0.0/8', '::1']);
  });

  it('drop the slash at the end of the public URL', () => {
    expect(readSettings({ ...complete, HERALD_PUBLIC_URL: 'https://herald.example/' }).publicUrl).toBe('https://herald.example');
  });

  it('use TLS for a hosted cluster with an API key, unless told otherwise', () => {
    expect(readSettings({ ...complete, TEMPORAL_API_KEY: 'k' }).temporal.tls).toBe(true);
    expect(readSettings({ ...complete, TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'false' }).temporal.tls).toBeUndefined();
    expect(readSettings(complete).temporal.tls).toBeUndefined();
  });

  it('take client certificates from files, only in pairs', () => {
    const file = path.join(tmpdir(), `herald-settings-${process.pid}.pem`);
    writeFileSync(file, 'pem');
    const pair = { TEMPORAL_TLS_CLIENT_CERT_PATH: file, TEMPORAL_TLS_CLIENT_KEY_PATH: file };
    const { tls } = readSettings({ ...complete, ...pair }).temporal;
    expect(tls).toEqual({ clientCertPair: { crt: Buffer.from('pem'), key: Buffer.from('pem') } });
    expect(complaint({ TEMPORAL_TLS_CLIENT_CERT_PATH: file })).toContain('must be set together');
  });

  it("take the Slack app's id and secret only together", () => {
    const app = { HERALD_SLACK_CLIENT_ID: '1.2', HERALD_SLACK_CLIENT_SECRET: 's' };
    expect(readSettings({ ...complete, ...app }).slack).toMatchObject({ clientId: '1.2', clientSecret: 's' });
    for (const [name, value] of Object.entries(app)) expect(complaint({ [name]: value })).toContain('HERALD_SLACK_CLIENT_ID and HERALD_SLACK_CLIENT_SECRET must be set together');
    expect(readSettings({ ...complete, HERALD_SLACK_CLIENT_ID: '', HERALD_SLACK_CLIENT_SECRET: '' }).slack.clientId).toBeUndefined();
  });
});

describe('destinations that npm start allows', () => {
  const brought = {
    ...readStartSettings({}),
    databaseUrl: 'postgres://embedded',
    secretKey: 'secret',
    temporal: { address: '127.0.0.1:1', namespace: 'default' },
  };
  const allowed = (given: NodeJS.ProcessEnv) => processEnvironment(given, brought).HERALD_ALLOWED_DESTINATIONS;

  it('are this machine’s own in the embedded default', () => {
    expect(allowed({})).toBe('127.0.0.0/8,::1,localhost');
  });

  it('are none once DATABASE_URL is set', () => {
    expect(allowed({ DATABASE_URL: 'postgres://db/herald' })).toBe('');
  });

  it('are the ones that were set, also when that means none', () => {
    expect(allowed({ HERALD_ALLOWED_DESTINATIONS: '' })).toBe('');
    expect(allowed({ DATABASE_URL: 'postgres://db/herald', HERALD_ALLOWED_DESTINATIONS: '10.0.0.0/8' })).toBe('10.0.0.0/8');
  });
});
