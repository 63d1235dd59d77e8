import { createPublicKey, verify } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventCatalogue, eventConstant } from '../../model/events.ts';
import type { Caller } from '../support/caller.ts';
import { type EngineApi, startEngineApi } from '../support/engineApi.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { type SlackStandIn, startSlackStandIn } from '../support/slackStandIn.ts';

const types = [...eventCatalogue.map(({ name }) => name), 'order.refunded'];

let herald: EngineApi;
let caller: Caller;
let receiver: Receiver;
let slack: SlackStandIn;

beforeAll(async () => {
  [herald, receiver, slack] = await Promise.all([startEngineApi(), startReceiver(), startSlackStandIn()]);
  caller = await herald.newCaller();
});
afterAll(async () => {
  await herald.close();
  await receiver.close();
  await slack.close();
});

async function sendExamples(integrationId: string): Promise<void> {
  for (const event_type of types) expect((await caller.post(`/v1/integrations/${integrationId}/test`, { event_type })).status).toBe(202);
}

test('a marked example of every event type reaches a webhook, with signatures that every verifier accepts', async () => {
  const config = { url: `${receiver.url}/hook`, asteroid_signature: true };
  const { body } = await caller.post('/v1/integrations', { name: 'hook', type: 'webhook', config });
  await sendExamples(body.id);
  const received = await receiver.waitFor(types.length);

  const sent = received.map(({ json }) => json);
  for (const type of types) expect(sent).toContainEqual(expect.objectContaining({ type: 'execution', info: expect.objectContaining({ event: eventConstant(type), test: true }) }));
  const publicKey = createPublicKey(await (await fetch(`${herald.url}/.well-known/herald/webhook-public-key.pem`)).text());
  for (const { body: raw, headers } of received) {
    const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    expect(texts['herald-test']).toBe('true');
    for (const Verifier of [StandardWebhook, SvixWebhook]) expect(() => new Verifier(String(body.secret)).verify(raw, texts)).not.toThrow();
    expect(verify('RSA-SHA256', Buffer.from(raw), publicKey, Buffer.from(texts['x-asteroid-signature'] ?? '', 'base64'))).toBe(true);
  }
});

test.each([
  ['a short answer', { status: 200, body: 'thank you' }, { ok: true, status_code: 200, error: null, response: 'thank you', response_cut: false }],
  ['no body', { status: 204, body: '' }, { ok: true, status_code: 204, response: '', response_cut: false }],
  ['4 KiB exactly', { status: 200, body: 'x'.repeat(4096) }, { ok: true, response: 'x'.repeat(4096), response_cut: false }],
  ['one byte more', { status: 200, body: 'x'.repeat(4097) }, { ok: true, response: 'x'.repeat(4096), response_cut: true }],
  ['a long refusal', { status: 500, body: 'é'.repeat(50_000) }, { ok: false, status_code: 500, error: 'answered 500 Internal Server Error', response: 'é'.repeat(2048), response_cut: true }],
])('%s of an endpoint is read from the log of attempts', async (name, behaviour, attempt) => {
  const path = `/answers/${encodeURIComponent(name)}`;
  receiver.behave((received) => (received.path === path ? behaviour : {}));
  const delivery = { retry_schedule_s: [] };
  const { body: hook } = await caller.post('/v1/integrations', { name, type: 'webhook', config: { url: receiver.url + path }, delivery });
  const { body: sent } = await caller.post(`/v1/integrations/${hook.id}/test`, {});
  await expect
    .poll(async () => (await caller.get(`/v1/deliveries/${sent.id}`)).body)
    .toMatchObject({ status: attempt.ok ? 'delivered' : 'failed', attempts: [{ number: 1, duration_ms: expect.any(Number) as number, started_at: expect.any(String) as string, ...attempt }] });
});

test('a marked example of every event type reaches Slack', async () => {
  const config = { bot_token: 'xoxb-1', channel: '#operations-alerts', api_url: slack.apiUrl };
  const delivery = { rate_limit: null };
  const { body } = await caller.post('/v1/integrations', { name: 'Slack', type: 'slack', config, delivery });
  await sendExamples(body.id);
  const messages = await slack.waitFor(types.length);
  expect(messages).toHaveLength(types.length);
  for (const message of messages) {
    expect(message.text).toMatch(/^\[Test\] \S+ \S/u);
    expect(JSON.stringify(message.attachments)).toContain('This is a test message: nothing has happened.');
  }
});

test('during a rotation every message carries both signatures, and afterwards the new one alone', async () => {
  const { body } = await caller.post('/v1/integrations', { name: 'rotated', type: 'webhook', config: { url: `${receiver.url}/rotated` } });
  const next = async () => {
    const before = receiver.received.length;
    await caller.post(`/v1/integrations/${body.id}/test`);
    const { body: raw, headers } = (await receiver.waitFor(before + 1)).at(-1)!;
    const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    return (secret: unknown) => {
      try {
        new StandardWebhook(String(secret)).verify(raw, texts);
        return true;
      } catch {
        return false;
      }
    };
  };
  const { body: rotated } = await caller.post(`/v1/integrations/${body.id}/rotate-secret`, { overlap_s: 3600 });
  const during = await next();
  expect([during(rotated.secret), during(body.secret)]).toEqual([true, true]);
  const { body: leaked } = await caller.post(`/v1/integrations/${body.id}/rotate-secret`, { overlap_s: 0 });
  const after = await next();
  expect([after(leaked.secret), after(rotated.secret), after(body.secret)]).toEqual([true, false, false]);
});
