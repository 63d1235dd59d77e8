import { expect, test } from 'vitest';
import { SecretBox, SecretError } from '../../../store/secrets.ts';

const secrets = { token: 'xoxb-123', headers: { Authorization: 'Bearer ü' } };

test('opens what it sealed', () => {
  const box = new SecretBox('one key');
  expect(box.open(box.seal(secrets))).toEqual(secrets);
});

test('never seals the same text the same way, and shows nothing of it', () => {
  const box = new SecretBox('one key');
  const sealed = box.seal(secrets);
  expect(sealed).not.toBe(box.seal(secrets));
  expect(sealed).not.toContain('xoxb');
  expect(Buffer.from(sealed.split('.')[2]!, 'base64url').toString('latin1')).not.toContain('xoxb');
});

test('opens texts of a previous key, and seals with the new one', () => {
  const sealed = new SecretBox('old key').seal(secrets);
  const rotated = new SecretBox('new key', ['old key']);
  expect(rotated.open(sealed)).toEqual(secrets);
  expect(new SecretBox('new key').open(rotated.seal(secrets))).toEqual(secrets);
});

test('says which key is missing', () => {
  const sealed = new SecretBox('old key').seal(secrets);
  const keyId = sealed.split('.')[1]!;
  expect(() => new SecretBox('new key').open(sealed)).toThrow(keyId);
});

test.each(['', 'v1', 'v2.aaaaaaaa.AAAA', 'plain text'])('refuses %j, which it never sealed', (text) => {
  expect(() => new SecretBox('key').open(text)).toThrow(SecretError);
});

test('refuses a text of which one bit was changed or the end is missing', () => {
  const box = new SecretBox('key');
  const sealed = box.seal(secrets);
  const [version, keyId, body] = sealed.split('.') as [string, string, string];
  const bytes = Buffer.from(body, 'base64url');
  for (const at of [0, 12, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at] = changed[at]! ^ 1;
    expect(() => box.open([version, keyId, changed.toString('base64url')].join('.'))).toThrow(SecretError);
  }
  for (const length of [0, 5, 20, bytes.length - 1]) {
    expect(() => box.open([version, keyId, bytes.subarray(0, length).toString('base64url')].join('.'))).toThrow(SecretError);
  }
});
