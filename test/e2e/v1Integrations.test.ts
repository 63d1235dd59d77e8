import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SecretBox } from '../../store/secrets.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { boundWebhook, type Caller, firstCaller, newCaller } from '../support/caller.ts';

let api: TestApi;
let caller: Caller;

beforeAll(async () => {
  api = await startTestApi();
  caller = firstCaller(api);
});
afterAll(() => api.close());

const webhook = { name: 'Production Alerts', type: 'webhook', config: { url: 'https://hooks.example.com/x' } };
const slackApp = { name: 'Slack', type: 'slack', config: { bot_token: 'xoxb-very-secret', channel: '#operations-alerts' } };

async function storedSecrets(id: string): Promise<{ sealed: string; opened: unknown }> {
  const row = await api.db.selectFrom('integrations').select('secrets').where('id', '=', id).executeTakeFirstOrThrow();
  return { sealed: row.secrets, opened: new SecretBox(api.settings.secretKey).open(row.secrets) };
}

describe('integrations', () => {
  test('a webhook shows its secret once, when it is created', async () => {
    const created = await caller.post('/v1/integrations', webhook);
    expect(created.status).toBe(201);
    const { secret, ...shown } = created.body;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(shown).toMatchObject({ name: 'Production Alerts', type: 'webhook', enabled: true, config: { url: webhook.config.url } });
    expect((await caller.get(`/v1/integrations/${created.body.id}`)).body).toEqual(shown);
    expect(JSON.stringify((await caller.get('/v1/integrations')).body)).not.toContain('whsec_');
  });

  test('no secret is ever answered or stored in the clear', async () => {
    const secretUrl = 'https://hooks.slack.com/services/T0/B0/very-secret';
    const bodies = [
      { ...webhook, config: { ...webhook.config, headers: { Authorization: 'Bearer very-secret' } } },
      slackApp,
      { name: 'Slack', type: 'slack', config: { webhook_url: secretUrl } },
    ];
    for (const body of bodies) {
      const created = await caller.post('/v1/integrations', body);
      expect(created.status).toBe(201);
      const patched = await caller.patch(`/v1/integrations/${created.body.id}`, { name: 'renamed', config: {} });
      const answers = [created, patched, await caller.get(`/v1/integrations/${created.body.id}`), await caller.get('/v1/integrations')];
      for (const answer of answers) expect(JSON.stringify(answer.body)).not.toContain('very-secret');
      const row = await api.db.selectFrom('integrations').selectAll().where('id', '=', created.body.id).executeTakeFirstOrThrow();
      expect(JSON.stringify(row)).not.toContain('very-secret');
      expect(JSON.stringify((await storedSecrets(created.body.id)).opened)).toContain('very-secret');
    }
  });

  test.each([
    ['a type nobody knows', { ...webhook, type: 'pigeon' }, 'type'],
    ['no type', { name: 'x', config: {} }, 'type'],
    ['no url', { ...webhook, config: {} }, 'config.url'],
    ['no config', { name: 'x', type: 'webhook' }, 'config'],
    ['something that is no url', { ...webhook, config: { url: 'hooks.example.com' } }, 'config.url'],
    ['another scheme', { ...webhook, config: { url: 'ftp://example.com' } }, 'config.url'],
    ['credentials in the url', { ...webhook, config: { url: 'https://me:secret@example.com' } }, 'config.url'],
    ['a private address', { ...webhook, config: { url: 'http://10.1.2.3/' } }, 'config.url'],
    ['the metadata address', { ...webhook, config: { url: 'http://169.254.169.254/latest' } }, 'config.url'],
    ['a private address in disguise', { ...webhook, config: { url: 'http://[::ffff:10.0.0.1]/' } }, 'config.url'],
    ['a reserved header', { ...webhook, config: { ...webhook.config, headers: { 'webhook-id': 'x' } } }, 'config.headers.webhook-id'],
    ['a timeout of an hour', { ...webhook, delivery: { timeout_s: 3600 } }, 'delivery.timeout_s'],
    ['a token without a channel', { ...slackApp, config: { bot_token: 'xoxb-1' } }, 'config.channel'],
    ['a private Slack', { ...slackApp, config: { ...slackApp.config, api_url: 'http://192.168.0.1/api' } }, 'config.api_url'],
    ['a private incoming webhook', { ...slackApp, config: { webhook_url: 'http://192.168.0.1/' } }, 'config.webhook_url'],
    ['an empty name', { ...webhook, name: '' }, 'name'],
    ['a setting nobody knows', { ...webhook, enable: false }, 'enable'],
  ])('%s is refused, and the field is named', async (_, body, field) => {
    const answer = await caller.post('/v1/integrations', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ field });
  });

  test('an address that the settings allow is taken', async () => {
    const body = { ...webhook, config: { url: 'http://127.0.0.1:9000/hook' } };
    expect((await caller.post('/v1/integrations', body)).status).toBe(201);
  });

  test('a patch changes what it names and keeps the rest, secrets included', async () => {
    const config = { ...webhook.config, headers: { 'X-Keep': 'kept', 'X-Drop': 'dropped' } };
    const { body: created } = await caller.post('/v1/integrations', { ...webhook, config });
    const before = (await storedSecrets(created.id)).opened as { signing: unknown };
    const patch = { enabled: false, config: { unwrap_result: true, headers: { 'X-Drop': null, 'X-New': 'new' } } };
    const patched = await caller.patch(`/v1/integrations/${created.id}`, patch);
    expect(patched.status).toBe(200);
    expect(patched.body).toMatchObject({
      name: webhook.name,
      enabled: false,
      config: { url: webhook.config.url, unwrap_result: true, header_names: ['X-Keep', 'X-New'] },
    });
    expect(patched.body).not.toHaveProperty('secret');
    expect((await storedSecrets(created.id)).opened).toEqual({ signing: before.signing, headers: { 'X-Keep': 'kept', 'X-New': 'new' } });
  });

  test.each([
    [{ config: { url: 'http://10.0.0.1/' } }, 'config.url'],
    [{ config: { url: null } }, 'config.url'],
    [{ config: { headers: { Host: 'x' } } }, 'config.headers.Host'],
    [{ type: 'slack' }, 'type'],
    [{ enabled: 'yes' }, 'enabled'],
  ])('a patch like %j is refused and changes nothing', async (patch, field) => {
    const { body: created } = await caller.post('/v1/integrations', webhook);
    expect((await caller.patch(`/v1/integrations/${created.id}`, patch)).body).toMatchObject({ status: 400, field });
    const { secret: _, ...shown } = created;
    expect((await caller.get(`/v1/integrations/${created.id}`)).body).toEqual(shown);
  });

  test('enabling by hand settles why Herald disabled it', async () => {
    const { body: created } = await caller.post('/v1/integrations', webhook);
    const disabled = { enabled: false, disabled_reason: 'The endpoint answered 410 Gone.' };
    await api.db.updateTable('integrations').set(disabled).where('id', '=', created.id).execute();
    expect((await caller.get(`/v1/integrations/${created.id}`)).body).toMatchObject(disabled);
    expect((await caller.patch(`/v1/integrations/${created.id}`, { name: 'still disabled' })).body).toMatchObject(disabled);
    expect((await caller.patch(`/v1/integrations/${created.id}`, { enabled: true })).body).toMatchObject({ enabled: true, disabled_reason: null });
  });

  test('one that is bound is deleted with force only, and its notifications with it', async () => {
    const { integrationId, notificationId, agentId } = await boundWebhook(caller, 'bound');
    const refused = await caller.delete(`/v1/integrations/${integrationId}`);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ notifications: [notificationId] });
    expect((await caller.delete(`/v1/integrations/${integrationId}?force=yes`)).body).toMatchObject({ status: 400, field: 'force' });
    expect((await caller.delete(`/v1/integrations/${integrationId}?force=true`)).status).toBe(204);
    expect((await caller.get(`/v1/notifications/${notificationId}`)).status).toBe(404);
    expect((await caller.get(`/v1/agents/${agentId}`)).status).toBe(200);
    const unbound = await caller.post('/v1/integrations', webhook);
    expect((await caller.delete(`/v1/integrations/${unbound.body.id}`)).status).toBe(204);
  });

  test('lists are filtered by type and by being enabled', async () => {
    const lister = await newCaller(api);
    await lister.post('/v1/integrations', { ...webhook, enabled: false });
    await lister.post('/v1/integrations', slackApp);
    expect((await lister.get('/v1/integrations?type=slack')).body.data).toMatchObject([{ type: 'slack' }]);
    expect((await lister.get('/v1/integrations?enabled=false')).body.data).toMatchObject([{ type: 'webhook' }]);
  });
});

describe('test messages', () => {
  test('one is stored and due at once, also while Temporal is away', async () => {
    const { integrationId } = await boundWebhook(caller, 'tested');
    const answer = await caller.post(`/v1/integrations/${integrationId}/test`, { event_type: 'EXECUTION_FAILED' });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      status: 'pending',
      event_type: 'ExecutionFailed',
      test: true,
      session_id: null,
      integration_id: integrationId,
      url: `http://herald.test/v1/deliveries/${answer.body.id}`,
    });
    const row = await api.db.selectFrom('deliveries').selectAll().where('id', '=', answer.body.id).executeTakeFirstOrThrow();
    expect(row.next_attempt_at!.getTime()).toBeLessThanOrEqual(Date.now() + 1000);
    expect(row.test_event).toMatchObject({ reason: expect.stringContaining('test message') });
    expect((await caller.get('/v1/deliveries?test=true')).body.data.map(({ id }) => id)).toContain(answer.body.id);
    expect((await caller.get('/v1/deliveries?test=false')).body.data.map(({ id }) => id)).not.toContain(answer.body.id);
    expect((await caller.get(`/v1/deliveries/${answer.body.id}`)).body).toMatchObject({ id: answer.body.id, attempts: [] });
  });

  test('without a body it is an ExecutionCompleted; any custom type will do', async () => {
    const { integrationId } = await boundWebhook(caller, 'tested again');
    expect((await caller.post(`/v1/integrations/${integrationId}/test`)).body).toMatchObject({ event_type: 'ExecutionCompleted' });
    expect((await caller.post(`/v1/integrations/${integrationId}/test`, {})).body).toMatchObject({ event_type: 'ExecutionCompleted' });
    expect((await caller.post(`/v1/integrations/${integrationId}/test`, { event_type: 'order.shipped' })).body).toMatchObject({ event_type: 'order.shipped' });
    expect((await caller.post(`/v1/integrations/${integrationId}/test`, { event_type: '1' })).body).toMatchObject({ status: 400, field: 'event_type' });
    expect((await caller.post('/v1/integrations/int_unknown/test', {})).status).toBe(404);
  });
});

describe('Idempotency-Key', () => {
  test('the same request is done once and answered the same, secret included, which is stored sealed', async () => {
    const headers = { 'Idempotency-Key': 'create webhook' };
    const first = await caller.post('/v1/integrations', webhook, headers);
    const second = await caller.post('/v1/integrations', webhook, headers);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect([second.status, second.body]).toEqual([201, first.body]);
    const row = await api.db.selectFrom('idempotency_keys').select('body').where('key', '=', 'create webhook').executeTakeFirstOrThrow();
    expect(row.body).not.toContain('whsec_');
  });

  test('whose answer was sealed with a secret key that is gone is a conflict, and nothing is done again', async () => {
    const headers = { 'Idempotency-Key': 'before the rotation' };
    const body = { ...webhook, name: 'made before the rotation' };
    await caller.post('/v1/integrations', body, headers);
    const sealed = new SecretBox('a secret key that was dropped').seal({ body: '{}', contentType: 'application/json' });
    await api.db.updateTable('idempotency_keys').set({ body: sealed }).where('key', '=', 'before the rotation').execute();
    const again = await caller.post('/v1/integrations', body, headers);
    expect(again).toMatchObject({ status: 409, body: { type: 'urn:herald:problem:kept-answer-unreadable', detail: expect.stringContaining('answered with 201') as string } });
    const made = (await caller.get('/v1/integrations?limit=200')).body.data.filter(({ name }) => name === body.name);
    expect(made).toHaveLength(1);
  });

  test('the same key with another body, or on another route, is a conflict', async () => {
    const headers = { 'Idempotency-Key': 'reused' };
    await caller.post('/v1/agents', { name: 'once' }, headers);
    for (const answer of [await caller.post('/v1/agents', { name: 'other' }, headers), await caller.post('/v1/integrations', webhook, headers)]) {
      expect(answer.status).toBe(409);
      expect(answer.body).toMatchObject({ type: 'urn:herald:problem:idempotency-key-reused' });
    }
    expect((await caller.get('/v1/agents?name=other')).body.data).toEqual([]);
  });

  test('ten simultaneous requests with one key create one thing', async () => {
    const headers = { 'Idempotency-Key': 'at once' };
    const body = { ...webhook, name: 'made at once' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => caller.post('/v1/integrations', body, headers)));
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    const made = (await caller.get('/v1/integrations?limit=200')).body.data.filter(({ name }) => name === 'made at once');
    expect(made).toHaveLength(1);
    for (const { status, body: answered } of answers) if (status === 201) expect(answered.id).toBe(made[0]!.id);
  });

  test('a refusal is answered again, too', async () => {
    const headers = { 'Idempotency-Key': 'refused' };
    const first = await caller.post('/v1/agents', { name: '' }, headers);
    const second = await caller.post('/v1/agents', { name: '' }, headers);
    expect(first.status).toBe(400);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('content-type')).toContain('application/problem+json');
  });

  test('two organisations may use one key', async () => {
    const headers = { 'Idempotency-Key': 'shared' };
    const first = await caller.post('/v1/agents', { name: 'shared' }, headers);
    const second = await (await newCaller(api)).post('/v1/agents', { name: 'shared' }, headers);
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.body.id);
  });

  test('a key longer than 255 characters is refused', async () => {
    const answer = await caller.post('/v1/agents', { name: 'x' }, { 'Idempotency-Key': 'k'.repeat(256) });
    expect(answer.body).toMatchObject({ status: 400, field: 'Idempotency-Key' });
  });
});
