import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import { isSignedWith, newSigningSecret, sign, signatureHeader } from '../../../activities/channels/signing.ts';
import type { JsonObject } from '../../../model/types.ts';
import { activeSigningSecrets, readSecrets, rotateSigningSecret } from '../../../activities/channels/webhook/config.ts';

const id = 'msg_1';
const body = '{"text":"Grüße, 🔴"}';
const now = () => Math.floor(Date.now() / 1000);

describe('signatures', () => {
  it('agree with the example of Standard Webhooks', () => {
    const signature = sign('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}');
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it.each([
    ['standardwebhooks', StandardWebhook],
    ['svix', SvixWebhook],
  ])('are accepted by %s, with either secret of a rotation', (_, Verifier) => {
    const [older, newer] = [newSigningSecret(), newSigningSecret()];
    const timestamp = now();
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureHeader([newer, older], id, timestamp, body),
    };
    for (const secret of [older, newer]) expect(() => new Verifier(secret).verify(body, headers)).not.toThrow();
    expect(() => new Verifier(newSigningSecret()).verify(body, headers)).toThrow();
    expect(() => new Verifier(newer).verify(body.replace('🔴', '🟢'), headers)).toThrow();
  });

  it('are recognised with the right secret, id, time and body alone', () => {
    const secret = newSigningSecret();
    const header = `v1a,abc ${sign(secret, id, 1000, body)}`;
    expect(isSignedWith(secret, header, id, 1000, body)).toBe(true);
    expect(isSignedWith(newSigningSecret(), header, id, 1000, body)).toBe(false);
    expect(isSignedWith(secret, header, 'msg_2', 1000, body)).toBe(false);
    expect(isSignedWith(secret, header, id, 1001, body)).toBe(false);
    expect(isSignedWith(secret, header, id, 1000, `${body} `)).toBe(false);
    expect(isSignedWith(secret, '', id, 1000, body)).toBe(false);
  });
});

describe('rotating a secret', () => {
  const day = 24 * 3600 * 1000;
  const start = new Date('2024-03-14T12:00:00Z');
  const later = (ms: number) => new Date(start.getTime() + ms);

  it('signs with both until the overlap is over, then with the new one', () => {
    const before = { signing: [{ secret: 'whsec_b2xk' }], headers: {} };
    const rotated = readSecrets(rotateSigningSecret(before, start, day));
    const fresh = rotated.signing[0]?.secret;
    expect(activeSigningSecrets(rotated, later(day - 1))).toEqual([fresh, 'whsec_b2xk']);
    expect(activeSigningSecrets(rotated, later(day))).toEqual([fresh]);
  });

  it('does not lengthen the overlap of a secret that is already on its way out', () => {
    const before = { signing: [{ secret: 'whsec_b2xk' }], headers: {} };
    const once = rotateSigningSecret(before, start, day);
    const twice = readSecrets(rotateSigningSecret(once, later(day / 2), day));
    expect(activeSigningSecrets(twice, later(day / 2))).toHaveLength(3);
    expect(activeSigningSecrets(twice, later(day))).toHaveLength(2);
    expect(activeSigningSecrets(twice, later(day))).not.toContain('whsec_b2xk');
  });

  it('without an overlap signs with the new one alone, also when another was on its way out', () => {
    const once = rotateSigningSecret({ signing: [{ secret: 'whsec_b2xk' }], headers: {} }, start, day);
    expect(activeSigningSecrets(readSecrets(rotateSigningSecret(once, start, 0)), start)).toHaveLength(1);
  });

  it('signs with ten at most, the newest', () => {
    let secrets: JsonObject = { signing: [{ secret: 'whsec_b2xk' }], headers: {} };
    for (let times = 0; times < 20; times++) secrets = rotateSigningSecret(secrets, start, day);
    expect(activeSigningSecrets(readSecrets(secrets), start)).toHaveLength(10);
    expect(JSON.stringify(secrets)).not.toContain('whsec_b2xk');
  });

  it('forgets secrets whose overlap is over', () => {
    const once = rotateSigningSecret({ signing: [{ secret: 'whsec_b2xk' }], headers: {} }, start, day);
    expect(JSON.stringify(rotateSigningSecret(once, later(2 * day), day))).not.toContain('whsec_b2xk');
  });
});
