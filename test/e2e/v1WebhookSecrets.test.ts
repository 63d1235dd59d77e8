import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { activeSigningSecrets, readSecrets } from '../../activities/channels/webhook/config.ts';
import { isSignedWith } from '../../activities/channels/signing.ts';
import { SecretBox } from '../../store/secrets.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { boundWebhook, type Caller, firstCaller, newCaller, withScopes } from '../support/caller.ts';
import { startEngineApi } from '../support/engineApi.ts';
import { type Received, startReceiver } from '../support/receiver.ts';

let api: TestApi;
let caller: Caller;

beforeAll(async () => {
  api = await startTestApi();
  caller = firstCaller(api);
});
afterAll(() => api.close());

const DAY_MS = 24 * 3_600_000;

async function newWebhook(): Promise<{ id: string; secret: unknown }> {
  const { body } = await caller.post('/v1/integrations', { name: 'hook', type: 'webhook', config: { url: 'https://hooks.example.com/x' } });
  return { id: body.id, secret: body.secret };
}

/** The secrets that messages are signed with at a time. */
async function signingSecrets(id: string, at: Date): Promise<string[]> {
  const row = await api.db.selectFrom('integrations').select('secrets').where('id', '=', id).executeTakeFirstOrThrow();
  return activeSigningSecrets(readSecrets(new SecretBox(api.settings.secretKey).open(row.secrets)), at);
}

describe('rotating the secret of a webhook', () => {
  test('shows the new one once, and signs with both for 24 hours', async () => {
    const { id, secret: old } = await newWebhook();
    const rotated = await caller.post(`/v1/integrations/${id}/rotate-secret`);
    expect(rotated.status).toBe(200);
    expect(rotated.body.secret).toMatch(/^whsec_/);
    expect(rotated.body.secret).not.toBe(old);
    const until = Date.parse(String(rotated.body.previous_secret_until));
    expect(until - Date.now()).toBeGreaterThan(DAY_MS - 60_000);
    expect(until - Date.now()).toBeLessThanOrEqual(DAY_MS);
    expect(await signingSecrets(id, new Date(until - 1))).toEqual([rotated.body.secret, old]);
    expect(await signingSecrets(id, new Date(until))).toEqual([rotated.body.secret]);
    expect(JSON.stringify((await caller.get(`/v1/integrations/${id}`)).body)).not.toContain('whsec_');
  });

  test('takes another overlap, none at all included', async () => {
    const { id, secret: old } = await newWebhook();
    const { body: leaked } = await caller.post(`/v1/integrations/${id}/rotate-secret`, { overlap_s: 0 });
    expect(await signingSecrets(id, new Date())).toEqual([leaked.secret]);
    expect(leaked.secret).not.toBe(old);
    await caller.post(`/v1/integrations/${id}/rotate-secret`, { overlap_s: 60 });
    expect(await signingSecrets(id, new Date())).toHaveLength(2);
    expect(await signingSecrets(id, new Date(Date.now() + 61_000))).toHaveLength(1);
  });

  test('reaches the workers: the rules version rises', async () => {
    const { id } = await newWebhook();
    const version = () => api.db.selectFrom('organisations').select('rules_version').where('id', '=', api.organisationId).executeTakeFirstOrThrow();
    const before = await version();
    await caller.post(`/v1/integrations/${id}/rotate-secret`);
    expect((await version()).rules_version).toBeGreaterThan(before.rules_version);
  });

  test('happens once for one Idempotency-Key', async () => {
    const { id } = await newWebhook();
    const headers = { 'Idempotency-Key': 'rotate' };
    const first = await caller.post(`/v1/integrations/${id}/rotate-secret`, {}, headers);
    const second = await caller.post(`/v1/integrations/${id}/rotate-secret`, {}, headers);
    expect(second.body).toEqual(first.body);
    expect(await signingSecrets(id, new Date())).toHaveLength(2);
  });

  test.each([[{ overlap_s: -1 }], [{ overlap_s: 0.5 }], [{ overlap_s: '60' }], [{ overlap_s: 31 * 24 * 3600 }]])('with %j is refused, and the field named', async (body) => {
    const { id, secret } = await newWebhook();
    expect((await caller.post(`/v1/integrations/${id}/rotate-secret`, body)).body).toMatchObject({ status: 400, field: 'overlap_s' });
    expect(await signingSecrets(id, new Date())).toEqual([secret]);
  });

  test('needs an integration that signs, of the own organisation, and the scope', async () => {
    const { id } = await newWebhook();
    const config = { webhook_url: 'https://hooks.slack.com/services/T0/B0/x' };
    const { body: slack } = await caller.post('/v1/integrations', { name: 'Slack', type: 'slack', config });
    expect((await caller.post(`/v1/integrations/${slack.id}/rotate-secret`)).body).toMatchObject({ status: 409, detail: expect.stringContaining('Only webhooks') });
    expect((await (await newCaller(api)).post(`/v1/integrations/${id}/rotate-secret`)).status).toBe(404);
    expect((await (await withScopes(api, caller, ['ingest'])).post(`/v1/integrations/${id}/rotate-secret`)).status).toBe(403);
  });
});

describe('after the overlap of a rotation', () => {
  test('only the new signature is sent, by a worker that knew both', async () => {
    const [herald, receiver] = await Promise.all([startEngineApi(), startReceiver()]);
    const owner = await herald.newCaller();
    const { agentId, integrationId } = await boundWebhook(owner, 'orders', receiver.url);
    await owner.post('/v1/sessions', { id: 'rotated', agent_id: agentId });
    const report = async (id: string): Promise<Received> => {
      await owner.post('/v1/sessions/rotated/events', { events: [{ id, type: 'Reported' }] });
      const ofIt = ({ json }: Received) => (json as { event_id: string }).event_id === id;
      return (await receiver.waitFor((received) => received.some(ofIt))).find(ofIt)!;
    };
    const isSigned = (secret: unknown) => ({ id, body, headers }: Received) =>
      isSignedWith(String(secret), String(headers['webhook-signature']), id, Number(headers['webhook-timestamp']), body);
    const { body: before } = await owner.post(`/v1/integrations/${integrationId}/rotate-secret`, { overlap_s: 0 });
    const { body: after } = await owner.post(`/v1/integrations/${integrationId}/rotate-secret`, { overlap_s: 4 });

    const during = await report('during');
    expect([isSigned(after.secret)(during), isSigned(before.secret)(during)]).toEqual([true, true]);
    await sleep(Date.parse(String(after.previous_secret_until)) - Date.now() + 50);
    const past = await report('past');
    expect([isSigned(after.secret)(past), isSigned(before.secret)(past)]).toEqual([true, false]);
    expect(String(past.headers['webhook-signature'])).toMatch(/^v1,\S+$/);
    await herald.close();
    await receiver.close();
  });
});

describe('the public key of the installation', () => {
  test('is there for everybody, as PEM and as JWKS, and it is the same key', async () => {
    const pem = await fetch(`${api.url}/.well-known/herald/webhook-public-key.pem`);
    const jwks = await fetch(`${api.url}/.well-known/herald/jwks.json`);
    expect([pem.status, pem.headers.get('content-type'), jwks.status]).toEqual([200, 'application/x-pem-file', 200]);
    const { keys } = (await jwks.json()) as { keys: JsonWebKey[] };
    expect(keys).toMatchObject([{ kty: 'RSA', use: 'sig', alg: 'RS256' }]);
    const fromJwk = createPublicKey({ key: keys[0]!, format: 'jwk' });
    expect(fromJwk.equals(createPublicKey(await pem.text()))).toBe(true);
    expect(JSON.stringify(keys)).not.toContain('"d"');
  });
});
