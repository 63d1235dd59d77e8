import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import type { Message } from '../../../activities/channels/channel.ts';
import { createOutgoingHttp, type OutgoingHttp } from '../../../activities/channels/http.ts';
import { channels } from '../../../activities/channels/index.ts';
import { rotateSigningSecret } from '../../../activities/channels/webhook/config.ts';
import type { AttemptResult, JsonObject } from '../../../model/types.ts';
import { exampleMessage } from '../../support/message.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { sendIo } from '../../support/sendIo.ts';

const webhook = channels.webhook!;
const config = webhook.split({ url: 'https://hooks.example.com/' }).config;
const unwrapping = { ...config, unwrap_result: true };
const completed = exampleMessage({ eventType: 'ExecutionCompleted', payload: { outcome: 'success', result: { order: 12345 } } });

describe("a webhook's message", () => {
  it('is the envelope that endpoints of Asteroid parse, with the sequence number', () => {
    expect(webhook.render(exampleMessage(), config).body).toEqual({
      type: 'execution',
      event_id: 'session-1:end',
      timestamp: '2024-03-14T12:05:00.000Z',
      info: {
        event: 'EXECUTION_FAILED',
        execution_id: 'session-1',
        execution_url: 'https://herald.example.com/sessions/session-1',
        agent_id: 'agt_orders',
        agent_name: 'Order processing',
        payload: { reason: 'Payment gateway timeout' },
        metadata: { environment: 'production' },
        sequence: 7,
      },
    });
  });

  it('carries custom event names as they came', () => {
    expect(webhook.render(exampleMessage({ eventType: 'order.refunded' }), config).body).toMatchObject({ info: { event: 'order.refunded' } });
  });

  it('has headers that a preview may show, and no signature among them', () => {
    expect(webhook.render(exampleMessage(), config).headers).toEqual({
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^Herald\/\d+\.\d+\.\d+$/),
      'webhook-id': 'dlv_0123456789abcdefghijklmn',
      'herald-sequence': '7',
    });
  });

  it('is marked when it is a test, which has no place in a session', () => {
    const { headers, body } = webhook.render(exampleMessage({ test: true, seq: null }), config);
    expect(headers).toMatchObject({ 'herald-test': 'true' });
    expect(headers).not.toHaveProperty('herald-sequence');
    expect(body).toMatchObject({ info: { test: true } });
    expect(body).not.toHaveProperty('info.sequence');
  });

  it('is the result alone when the integration unwraps results', () => {
    expect(webhook.render(completed, unwrapping).body).toEqual({ order: 12345 });
    expect(webhook.render({ ...completed, payload: { result: 'done' } }, unwrapping).body).toBe('done');
    expect(webhook.render({ ...completed, payload: {} }, unwrapping).body).toBeNull();
  });

  it('is the envelope for every other event, also when the integration unwraps results', () => {
    const failed = exampleMessage({ payload: { result: 'partial' } });
    expect(webhook.render(failed, unwrapping).body).toMatchObject({ type: 'execution' });
    expect(webhook.render(completed, config).body).toMatchObject({ type: 'execution' });
  });
});

describe('sending to a webhook', () => {
  let receiver: Receiver;
  let http: OutgoingHttp;
  beforeAll(async () => {
    receiver = await startReceiver();
    http = createOutgoingHttp({ allowedDestinations: ['127.0.0.0/8'] });
  });
  beforeEach(() => {
    receiver.received.length = 0;
    receiver.verifyWith();
    receiver.behave({});
  });
  afterAll(async () => {
    await http.close();
    await receiver.close();
  });

  function attempt(message: Message, input: JsonObject = {}, change = (secrets: JsonObject) => secrets, now = new Date()): Promise<AttemptResult> {
    const stored = webhook.split({ url: `${receiver.url}/hook`, ...input });
    const secrets = change(stored.secrets);
    receiver.verifyWith(webhook.newSecret(secrets) ?? '');
    return webhook.send(webhook.render(message, stored.config), message, stored.config, secrets, sendIo(http, { now: () => now }));
  }

  it('posts the rendered body, signed, and keeps the answer', async () => {
    receiver.behave({ status: 201, body: 'thanks' });
    const result = await attempt(exampleMessage());
    expect(result).toEqual({ ok: true, statusCode: 201, response: 'thanks', durationMs: expect.any(Number) });
    expect(receiver.received).toMatchObject([{ id: 'dlv_0123456789abcdefghijklmn', path: '/hook', signature: 'valid' }]);
    expect(receiver.received[0]?.json).toEqual(webhook.render(exampleMessage(), config).body);
  });

  it('signs with the time of the attempt, so that a late retry is accepted', async () => {
    const now = new Date('2030-01-01T00:00:00.900Z');
    await attempt(exampleMessage(), {}, undefined, now);
    expect(receiver.received[0]).toMatchObject({ signature: 'valid', headers: { 'webhook-timestamp': String(Date.parse('2030-01-01') / 1000) } });
  });

  it('sends what an independent verifier accepts, with the old secret as well during a rotation', async () => {
    let old: string | undefined;
    await attempt(exampleMessage(), {}, (secrets) => {
      old = webhook.newSecret(secrets);
      return rotateSigningSecret(secrets, new Date(), 60_000);
    });
    const { body, headers, signature } = receiver.received[0]!;
    const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    expect(signature).toBe('valid');
    expect(new StandardWebhook(old ?? '').verify(body, texts)).toMatchObject({ type: 'execution' });
  });

  it('adds the custom headers', async () => {
    await attempt(exampleMessage(), { headers: { Authorization: 'Bearer hunter2', 'X-Team': 'blue' } });
    expect(receiver.received[0]?.headers).toMatchObject({ authorization: 'Bearer hunter2', 'x-team': 'blue', 'content-type': 'application/json' });
  });

  it('sends an unwrapped text as JSON', async () => {
    await attempt({ ...completed, payload: { result: 'done' } }, { unwrap_result: true });
    expect(receiver.received[0]).toMatchObject({ body: '"done"', signature: 'valid' });
  });

  it.each([
    [500, 'retryable', 'answered 500 Internal Server Error'],
    [400, 'retryable', 'answered 400 Bad Request'],
    [404, 'retryable', 'answered 404 Not Found'],
    [301, 'retryable', 'answered 301 Moved Permanently: redirects are not followed; set the url to where it leads'],
    [410, 'gone', 'answered 410 Gone: the endpoint wants no more messages'],
    [599, 'retryable', 'answered 599'],
  ])('fails when the endpoint answers %i: %s', async (status, kind, error) => {
    receiver.behave({ status, body: 'no' });
    expect(await attempt(exampleMessage())).toEqual({ ok: false, kind, error, statusCode: status, response: 'no', durationMs: expect.any(Number) });
  });

  it.each([429, 503])('passes on when to try again after %i', async (status) => {
    receiver.behave({ status, headers: { 'retry-after': '30' } });
    expect(await attempt(exampleMessage())).toMatchObject({ ok: false, kind: 'retryable', retryAfterMs: 30_000 });
  });

  it('gives up after the timeout of the integration', async () => {
    receiver.behave({ hang: 'answer' });
    const stored = webhook.split({ url: receiver.url });
    const message = exampleMessage();
    const result = await webhook.send(webhook.render(message, stored.config), message, stored.config, stored.secrets, sendIo(http, { timeoutMs: 150 }));
    expect(result).toMatchObject({ ok: false, kind: 'retryable', statusCode: null, response: null });
    expect(result.durationMs).toBeGreaterThanOrEqual(145);
    expect(result.durationMs).toBeLessThan(1500);
  });

  it('ends for good at an address that Herald does not send to', async () => {
    const result = await attempt(exampleMessage(), { url: 'http://169.254.169.254/latest/meta-data/' });
    expect(result).toMatchObject({ ok: false, kind: 'permanent', statusCode: null, error: expect.stringContaining('link-local') });
  });
});
