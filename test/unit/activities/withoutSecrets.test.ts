import { expect, it } from 'vitest';
import { withoutSecrets } from '../../../activities/withoutSecrets.ts';
import type { AttemptResult } from '../../../model/types.ts';

const signing = 'whsec_k+Rr/3v0QxJm1Zb8w2c5Yg==';
const secrets = { signing: [{ secret: signing }], headers: { Authorization: 'Bearer abc"def/123<456', 'X-Short': 'ok' } };

const answered = (response: string | null): AttemptResult => ({ ok: true, statusCode: 200, response, durationMs: 1 });
const kept = (response: string) => withoutSecrets(answered(response), secrets).response;

it.each([
  ['as they are', `${signing} Bearer abc"def/123<456`],
  ['in JSON', JSON.stringify({ signing, ...secrets.headers })],
  ['in JSON that escapes slashes', JSON.stringify({ signing, ...secrets.headers }).replaceAll('/', String.raw`\/`)],
  ['in JSON that is safe in HTML', JSON.stringify({ signing, ...secrets.headers }).replaceAll('<', String.raw`\u003c`).replaceAll('+', String.raw`\u002b`).replaceAll('=', String.raw`\u003D`)],
  ['in HTML', `<p>Bearer abc&quot;def/123&lt;456</p>`],
  ['in a URL', new URLSearchParams({ signing, ...secrets.headers }).toString()],
  ['without their prefixes', `${signing.slice(6)}, abc"def/123<456`],
])('secrets that an answer repeats %s are hidden', (_, response) => {
  expect(kept(response)).toContain('(hidden)');
  expect(kept(response)).not.toMatch(/abc|k\+Rr|k%2BRr|3v0QxJm|123/);
});

it('a secret that the end of the kept answer cuts is hidden', () => {
  const cut = 'x'.repeat(4096 - 10) + signing.slice(0, 10);
  expect(kept(cut)).toBe(`${'x'.repeat(4086)}(hidden)`);
  const escaped = String.raw`Bearer abc\u0022def\/123\u00`;
  expect(kept('x'.repeat(4096 - escaped.length) + escaped)).toMatch(/x\(hidden\)$/);
  expect(kept(`the end: ${signing.slice(0, 10)}`)).toContain(signing.slice(0, 10));
});

it('the path of a secret URL is hidden, too', () => {
  const result = withoutSecrets(answered('no /services/T1/B1/xyz here'), { webhook_url: 'https://hooks.slack.com/services/T1/B1/xyz' });
  expect(result.response).toBe('no (hidden) here');
});

it('errors are treated as answers are, and all else stays', () => {
  const failure: AttemptResult = { ok: false, kind: 'retryable', error: `Slack answered ${signing}`, statusCode: 500, response: null, durationMs: 3, retryAfterMs: 5 };
  expect(withoutSecrets(failure, secrets)).toEqual({ ...failure, error: 'Slack answered (hidden)' });
  expect(withoutSecrets(answered('ok'), secrets)).toEqual(answered('ok'));
});
