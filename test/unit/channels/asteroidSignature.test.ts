import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOutgoingHttp, type OutgoingHttp } from '../../../activities/channels/http.ts';
import { channels } from '../../../activities/channels/index.ts';
import { createRsaSigner } from '../../../activities/channels/rsaSignature.ts';
import type { JsonObject } from '../../../model/types.ts';
import { exampleMessage } from '../../support/message.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { sendIo } from '../../support/sendIo.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const webhook = channels.webhook!;

/** As Asteroid's documentation tells its users to do it. */
function isGenuine(rawBody: string, signature: unknown): boolean {
  return verify('RSA-SHA256', Buffer.from(rawBody), createPublicKey(publicKey), Buffer.from(String(signature), 'base64'));
}

describe("Asteroid's signature", () => {
  let receiver: Receiver;
  let http: OutgoingHttp;
  let loaded = 0;
  const signRsa = createRsaSigner(() => {
    loaded += 1;
    return Promise.resolve(privateKey);
  });
  beforeAll(async () => {
    receiver = await startReceiver();
    http = createOutgoingHttp({ allowedDestinations: ['127.0.0.0/8'] });
  });
  beforeEach(() => {
    receiver.received.length = 0;
  });
  afterAll(async () => {
    await http.close();
    await receiver.close();
  });

  async function deliver(input: JsonObject, payload: JsonObject = {}) {
    const { config, secrets } = webhook.split({ url: receiver.url, ...input });
    receiver.verifyWith(webhook.newSecret(secrets) ?? '');
    const message = exampleMessage({ payload });
    expect(await webhook.send(webhook.render(message, config), message, config, secrets, sendIo(http, { signRsa }))).toMatchObject({ ok: true });
    return receiver.received.at(-1)!;
  }

  it('of the raw body is beside the other one, when the integration asks for it', async () => {
    const { body, headers, signature } = await deliver({ asteroid_signature: true }, { reason: 'Größe überschritten 🔴' });
    expect(isGenuine(body, headers['x-asteroid-signature'])).toBe(true);
    expect(isGenuine(`${body} `, headers['x-asteroid-signature'])).toBe(false);
    expect(signature).toBe('valid');
  });

  it('is not there unless the integration asks for it', async () => {
    expect((await deliver({})).headers).not.toHaveProperty('x-asteroid-signature');
  });

  it('is there after a change of something else, and gone when it is switched off', () => {
    const stored = webhook.split({ url: 'https://hooks.example.com/', asteroid_signature: true });
    expect(webhook.merge(stored, { unwrap_result: true }).config).toMatchObject({ asteroid_signature: true });
    expect(webhook.merge(stored, { asteroid_signature: null }).config).toMatchObject({ asteroid_signature: false });
  });

  it('needs its key to be loaded once', async () => {
    await Promise.all([signRsa('a'), signRsa('b'), signRsa('c')]);
    expect(loaded).toBe(1);
  });

  it('tries again to load a key that could not be loaded', async () => {
    const answers = [Promise.reject(new Error('the database is away')), Promise.resolve(privateKey)];
    const sign = createRsaSigner(() => answers.shift()!);
    await expect(sign('x')).rejects.toThrow('the database is away');
    expect(isGenuine('x', await sign('x'))).toBe(true);
  });
});

describe('the timeout', () => {
  it("of the integration's delivery settings wins over the channel's own", async () => {
    const receiver = await startReceiver({ behaviour: { hang: 'answer' } });
    const http = createOutgoingHttp({ allowedDestinations: ['127.0.0.0/8'] });
    const message = exampleMessage();
    for (const [channel, input] of [[webhook, { url: receiver.url }], [channels.slack!, { webhook_url: receiver.url }]] as const) {
      const { config, secrets } = channel.split(input);
      const result = await channel.send(channel.render(message, config), message, config, secrets, sendIo(http, { timeoutMs: 120 }));
      expect(result).toMatchObject({ ok: false, kind: 'retryable', error: expect.stringContaining('did not answer within 0.12 s') });
    }
    await http.close();
    await receiver.close();
  });
});
