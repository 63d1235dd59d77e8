import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { newSigningSecret, sign } from '../../../activities/channels/signing.ts';
import { channels } from '../../../activities/channels/index.ts';
import { describeArrival } from '../../../bin/receiver/describe.ts';
import { readOptions } from '../../../bin/receiver/options.ts';
import { listen } from '../../../bin/receiver/server.ts';
import { signatureVerdict } from '../../../bin/receiver/verify.ts';
import { exampleMessage } from '../../support/message.ts';

const webhook = channels.webhook!;
const { config } = webhook.split({ url: 'https://hooks.example.com/' });
const body = (changes = {}) => JSON.stringify(webhook.render(exampleMessage(changes), config).body);
const arrival = { at: new Date(), id: 'dlv_1', seenBefore: 0, signature: 'valid', answer: '200 OK', body: body() };

describe('what the receiver prints', () => {
  it('tells a message in the words of its event', () => {
    const text = describeArrival(arrival);
    for (const part of [
      '🔴 Execution Failed - Payment gateway timeout',
      'agent      Order processing (agt_orders)',
      'session    session-1',
      'open       https://herald.example.com/sessions/session-1',
      'number 7 of its session',
      'metadata   environment=production',
      'delivery   dlv_1\n',
      'signature  valid',
      '"reason": "Payment gateway timeout"',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('marks tests and duplicates', () => {
    expect(describeArrival({ ...arrival, body: body({ test: true }) })).toContain('[Test] 🔴 Execution Failed');
    expect(describeArrival({ ...arrival, seenBefore: 1 })).toContain('dlv_1 DUPLICATE, arrived once before');
  });

  it('shows whatever else arrives as it is', () => {
    expect(describeArrival({ ...arrival, body: '{"order":12345}' })).toContain('"order": 12345');
    expect(describeArrival({ ...arrival, id: '', body: 'hello' })).toMatch(/without webhook-id[^]*hello/);
  });

  it('lets no message play with the terminal', () => {
    expect(describeArrival({ ...arrival, body: 'a\u001b[2Jb' })).not.toContain('\u001b');
    expect(describeArrival({ ...arrival, body: body({ agent: { id: 'a', name: '\u001b[2J' } }) })).not.toContain('\u001b');
  });
});

describe('what the receiver says of a signature', () => {
  const secret = newSigningSecret();
  const now = new Date('2024-03-14T12:00:00Z');
  const seconds = now.getTime() / 1000;
  const headers = { id: 'dlv_1', timestamp: String(seconds), signature: sign(secret, 'dlv_1', seconds, '{}') };

  it('is "valid" for the right secret among several', () => {
    expect(signatureVerdict(headers, '{}', [newSigningSecret(), secret], now)).toBe('valid');
  });

  it('says why it is not', () => {
    expect(signatureVerdict(headers, '{ }', [secret], now)).toContain('INVALID: made with another secret, or the body was changed');
    expect(signatureVerdict({ ...headers, signature: '' }, '{}', [secret], now)).toContain('INVALID: the message is not signed');
    expect(signatureVerdict(headers, '{}', [secret], new Date(now.getTime() + 301_000))).toContain('INVALID: signed 301 s ago');
  });

  it('admits that it did not look', () => {
    expect(signatureVerdict(headers, '{}', [], now)).toContain('not checked');
  });
});

describe("the receiver's options", () => {
  it('come from the command line, then from the environment', () => {
    expect(readOptions([], {})).toEqual({ port: 4000, secrets: [], status: 200, delayMs: 0 });
    expect(readOptions([], { PORT: '4001', HERALD_WEBHOOK_SECRET: 'whsec_YQ==, whsec_Yg==' })).toMatchObject({ port: 4001, secrets: ['whsec_YQ==', 'whsec_Yg=='] });
    const args = ['--port', '4002', '--secret', 'whsec_Yw==', '--secret', 'whsec_ZA==', '--fail', '503', '--delay', '20'];
    expect(readOptions(args, { PORT: '4001' })).toEqual({ port: 4002, secrets: ['whsec_Yw==', 'whsec_ZA=='], status: 503, delayMs: 20 });
  });

  it.each([
    [['--port', 'x'], '--port must be a whole number from 0 to 65535, not "x".'],
    [['--fail', '100'], '--fail must be a whole number from 200 to 599, not "100".'],
    [['--secret', 'hunter2'], 'A secret has the form whsec_ and Base64'],
    [['--bogus'], "Unknown option '--bogus'"],
  ])('%j are refused: %s', (args, sentence) => {
    expect(() => readOptions(args, {})).toThrow(sentence);
  });
});

describe('npm run receiver', () => {
  const ends: (() => void)[] = [];
  afterEach(() => ends.splice(0).forEach((end) => end()));

  it('answers as told and counts what arrives again', async () => {
    const printed: string[] = [];
    const { port, server } = await listen({ port: 0, secrets: [], status: 503, delayMs: 0 }, (text) => printed.push(text));
    ends.push(() => server.close());
    const send = () => fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers: { 'webhook-id': 'dlv_1' }, body: body() });
    expect((await send()).status).toBe(503);
    await send();
    expect(printed[0]).toContain('answered   503 Service Unavailable');
    expect(printed[1]).toContain('DUPLICATE, arrived once before');
  });

  it('says in one sentence that its port is taken', async () => {
    const { port, server } = await listen({ port: 0, secrets: [], status: 200, delayMs: 0 }, () => {});
    ends.push(() => server.close());
    const second = listen({ port, secrets: [], status: 200, delayMs: 0 }, () => {});
    await expect(second).rejects.toThrow(`Port ${port} is in use: stop what listens there, or choose another with --port.`);
  });

  it('says what to give to Herald, and ends with Ctrl-C', async () => {
    const child = spawn(process.execPath, ['bin/receiver.ts', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    ends.push(() => child.kill('SIGKILL'));
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      if (line.includes('"config":{"url":')) child.kill('SIGINT');
    }
    if (child.exitCode === null) await once(child, 'exit');
    expect(lines[0]).toMatch(/^Listening on http:\/\/127\.0\.0\.1:\d+\/ \(Ctrl-C ends\)/);
    expect(lines.join('\n')).toContain('curl -X POST http://localhost:3000/v1/integrations');
    expect(child.exitCode).toBe(0);
  });
});
