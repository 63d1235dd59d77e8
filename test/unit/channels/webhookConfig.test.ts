import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../model/types.ts';
import { channels } from '../../../activities/channels/index.ts';

const webhook = channels.webhook!;
const url = 'https://hooks.example.com/herald?team=1';

function problems(input: JsonObject): string[] {
  const result = webhook.inputSchema.safeParse(input);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe("a webhook's configuration", () => {
  it('shows everything but secrets: of the headers only their names', () => {
    const { config, secrets } = webhook.split({ url, headers: { Authorization: 'Bearer hunter2' }, unwrap_result: true });
    expect(config).toEqual({ url, header_names: ['Authorization'], unwrap_result: true, asteroid_signature: false });
    expect(secrets).toMatchObject({ headers: { Authorization: 'Bearer hunter2' } });
  });

  it('waits 15 s for an answer and sends the envelope unless told otherwise', () => {
    expect(webhook.split({ url }).config).toEqual({ url, header_names: [], unwrap_result: false, asteroid_signature: false });
  });

  it('gets a signing secret of its own', () => {
    const [one, two] = [webhook.split({ url }), webhook.split({ url })].map(({ secrets }) => webhook.newSecret(secrets));
    expect(one).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(two).not.toBe(one);
  });

  it('is described by its host alone', () => {
    expect(webhook.describe(webhook.split({ url }).config)).toBe('Webhook hooks.example.com');
  });

  it('names its destination for the check of addresses', () => {
    const { config, secrets } = webhook.split({ url });
    expect(webhook.destinations(config, secrets)).toEqual([{ field: 'url', url }]);
  });

  it.each([
    [{}, 'url: must be the URL that receives the messages, such as https://hooks.example.com/herald'],
    [{ url: 'hooks.example.com' }, 'url: must be a full URL, such as https://hooks.example.com/herald'],
    [{ url, unwrap_result: 'yes' }, 'unwrap_result: must be true or false'],
    [{ url, headers: ['x'] }, 'headers: must be an object of header names and their values'],
    [{ url, unwrap: true }, ': has no field "unwrap"; its fields are url, headers, unwrap_result, asteroid_signature'],
  ])('with %j is refused: %s', (input, problem) => {
    expect(problems(input)).toEqual([problem]);
  });
});

describe('a custom header', () => {
  it.each([
    ['Webhook-Id', 'is reserved: Standard Webhooks gives these headers their meaning; remove it'],
    ['webhook-signature', 'is reserved: Standard Webhooks gives these headers their meaning; remove it'],
    ['webhook-anything', 'is reserved: Standard Webhooks gives these headers their meaning; remove it'],
    ['Herald-Test', 'is reserved: Herald sets these headers itself; remove it'],
    ['HOST', 'is reserved: it follows from the url; remove it'],
    ['Content-Type', 'is reserved: the body is always JSON; remove it'],
    ['Content-Length', 'is reserved: it belongs to the HTTP connection; remove it'],
    ['Transfer-Encoding', 'is reserved: it belongs to the HTTP connection; remove it'],
    ['Proxy-Authorization', 'is reserved: it belongs to the HTTP connection; remove it'],
    ['User-Agent', 'is reserved: it names Herald and its version; remove it'],
    ['X-Asteroid-Signature', 'is reserved: signatures are computed by Herald; remove it'],
    ['X Team', 'is no header name; use letters, digits and hyphens'],
    ['X-Team:', 'is no header name; use letters, digits and hyphens'],
    ['X-Team\r\nWebhook-Id', 'is no header name; use letters, digits and hyphens'],
    ['', 'is no header name; use letters, digits and hyphens'],
  ])('called %j is refused: it %s', (name, problem) => {
    expect(problems({ url, headers: { [name]: 'x' } })).toEqual([`headers.${name}: header ${JSON.stringify(name)} ${problem}`]);
  });

  it.each([
    ['a\r\nWebhook-Id: dlv_forged', 'has a value with a line break, which would start another header; remove it'],
    ['a\nb', 'has a value with a line break, which would start another header; remove it'],
    ['a\0b', 'has a value with a character outside of printable ASCII; encode it, for example in Base64'],
    ['grüße', 'has a value with a character outside of printable ASCII; encode it, for example in Base64'],
    ['x'.repeat(4097), 'has a value of 4097 characters; at most 4096 are allowed'],
  ])('with the value %j is refused', (value, problem) => {
    expect(problems({ url, headers: { 'X-Team': value } })).toEqual([`headers.X-Team: header "X-Team" ${problem}`]);
  });

  it('may not be given twice in different spelling', () => {
    expect(problems({ url, headers: { 'X-Team': 'a', 'x-team': 'b' } })).toEqual([
      'headers.x-team: header "x-team" is given twice; header names ignore upper and lower case',
    ]);
  });

  it('is one of 30 at most', () => {
    const headers = Object.fromEntries(Array.from({ length: 31 }, (_, index) => [`X-${index}`, 'x']));
    expect(problems({ url, headers })).toEqual(['headers: must be at most 30 headers, not 31']);
  });

  it('may be anything else', () => {
    expect(problems({ url, headers: { Authorization: 'Bearer a.b-c', 'X-Api-Key': '', Accept: 'application/json; q=1' } })).toEqual([]);
  });
});

describe('changing a webhook', () => {
  const current = webhook.split({ url, headers: { Authorization: 'Bearer 1', 'X-Team': 'blue' }, unwrap_result: true });

  it('keeps what is not mentioned, the signing secret above all', () => {
    const changed = webhook.merge(current, { url: 'https://other.example.com/' });
    expect(changed.config).toEqual({ ...current.config, url: 'https://other.example.com/' });
    expect(changed.secrets).toEqual(current.secrets);
  });

  it('adds, replaces and removes single headers', () => {
    const changed = webhook.merge(current, { headers: { Authorization: 'Bearer 2', 'X-Team': null, 'X-New': 'n' } });
    expect(changed.config.header_names).toEqual(['Authorization', 'X-New']);
    expect(changed.secrets.headers).toEqual({ Authorization: 'Bearer 2', 'X-New': 'n' });
  });

  it('takes null as a return to the default', () => {
    const changed = webhook.merge(current, { headers: null, unwrap_result: null });
    expect(changed.config).toMatchObject({ header_names: [], unwrap_result: false });
  });

  it.each<JsonObject>([{ url: null }, { timeout_ms: 1 }, { headers: { Host: 'x' } }, { header_names: [] }])('with %j is refused', (patch) => {
    expect(() => webhook.merge(current, patch)).toThrow();
  });
});
