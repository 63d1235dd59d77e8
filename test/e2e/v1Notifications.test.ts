import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { boundWebhook, type Caller, firstCaller, newCaller } from '../support/caller.ts';

let api: TestApi;
let caller: Caller;
let agentId: string;
let webhookId: string;
let slackId: string;

beforeAll(async () => {
  api = await startTestApi();
  caller = firstCaller(api);
  ({ agentId, integrationId: webhookId } = await boundWebhook(caller));
  const slack = { name: 'Slack', type: 'slack', config: { bot_token: 'xoxb-very-secret', channel: '#operations-alerts' } };
  slackId = (await caller.post('/v1/integrations', slack)).body.id;
});
afterAll(() => api.close());

function bind(body: Record<string, unknown>) {
  return caller.post(`/v1/agents/${agentId}/notifications`, { integration_id: webhookId, subscription: { mode: 'all' }, ...body });
}

function custom(...rules: unknown[]) {
  return { subscription: { mode: 'custom', rules } };
}

function filtered(filter: Record<string, unknown>) {
  return custom({ event: 'ExecutionCompleted', filters: [filter] });
}

async function rulesVersion(): Promise<number> {
  const row = await api.db.selectFrom('organisations').select('rules_version').where('id', '=', caller.organisationId).executeTakeFirstOrThrow();
  return row.rules_version;
}

describe('notifications', () => {
  test("the seed's order-processing notification is saved and read back", async () => {
    const created = await bind({
      integration_id: slackId,
      channel: '#payments',
      ...custom({ event: 'ExecutionFailed' }, { event: 'ExecutionCompleted', filters: [{ field: 'outcome', operator: 'equals', value: 'payment_declined' }] }),
      metadata_filter: { environment: 'production', shard: 3, canary: false },
    });
    expect(created.status).toBe(201);
    const { warnings, ...shown } = created.body;
    expect(warnings).toEqual([]);
    expect(shown).toMatchObject({
      id: expect.stringMatching(/^ntf_/),
      agent_id: agentId,
      integration_id: slackId,
      channel: '#payments',
      enabled: true,
      subscription: {
        mode: 'custom',
        rules: [
          { event: 'ExecutionFailed', filters: [] },
          { event: 'ExecutionCompleted', filters: [{ field: 'outcome', operator: 'equals', value: 'payment_declined' }] },
        ],
      },
      metadata_filter: { environment: 'production', shard: '3', canary: 'false' },
    });
    expect((await caller.get(`/v1/notifications/${created.body.id}`)).body).toEqual(shown);
  });

  test('event names are kept in their canonical form, and a misspelt one is kept with a warning that names the nearest', async () => {
    const { status, body } = await bind(custom({ event: 'EXECUTION_FAILED' }, { event: 'ExecutionFaild' }, { event: 'order.shipped' }));
    expect(status).toBe(201);
    expect(body.subscription).toMatchObject({ rules: [{ event: 'ExecutionFailed' }, { event: 'ExecutionFaild' }, { event: 'order.shipped' }] });
    expect(body.warnings).toHaveLength(2);
    expect((body.warnings as string[])[0]).toMatch(/rules\[1].*ExecutionFaild.*Did you mean ExecutionFailed\?/);
  });

  test.each([
    ['text', { operator: 'equals', value: 'a' }],
    ['a number', { operator: 'greater_than', value: 3.5 }],
    ['false', { operator: 'not_equals', value: false }],
    ['empty text', { operator: 'contains', value: '' }],
    ['a list', { operator: 'in', value: ['a', 1, true] }],
    ['nothing', { operator: 'exists' }],
  ])('a filter may compare with %s', async (_, filter) => {
    const { status, body } = await bind(filtered({ field: 'result.total', ...filter }));
    expect(status).toBe(201);
    expect(body.subscription).toMatchObject({ rules: [{ filters: [{ field: 'result.total', ...filter }] }] });
  });

  const first = 'subscription.rules[0]';
  test.each([
    ['no subscription', { subscription: undefined }, 'subscription'],
    ['an unknown mode', { subscription: { mode: 'some' } }, 'subscription.mode'],
    ['custom without rules', { subscription: { mode: 'custom' } }, 'subscription.rules'],
    ['custom with no rule', { subscription: { mode: 'custom', rules: [] } }, 'subscription.rules'],
    ['201 rules', custom(...Array.from({ length: 201 }, () => ({ event: 'A' }))), 'subscription.rules'],
    ['an event that cannot be', custom({ event: 'Execution Failed' }), `${first}.event`],
    ['a rule without event', custom({ filters: [] }), `${first}.event`],
    ['a misspelt rule', custom({ event: 'A', filter: [] }), `${first}.filter`],
    ['101 filters', custom({ event: 'A', filters: Array.from({ length: 101 }, () => ({ field: 'a', operator: 'exists' })) }), `${first}.filters`],
    ['a filter without field', filtered({ operator: 'exists' }), `${first}.filters[0].field`],
    ['an operator nobody knows', filtered({ field: 'a', operator: 'matches', value: '.*' }), `${first}.filters[0].operator`],
    ['a filter without value', filtered({ field: 'a', operator: 'equals' }), `${first}.filters[0].value`],
    ['null as value', filtered({ field: 'a', operator: 'equals', value: null }), `${first}.filters[0].value`],
    ['a list for equals', filtered({ field: 'a', operator: 'equals', value: ['a'] }), `${first}.filters[0].value`],
    ['text for in', filtered({ field: 'a', operator: 'in', value: 'a' }), `${first}.filters[0].value`],
    ['an empty list for in', filtered({ field: 'a', operator: 'in', value: [] }), `${first}.filters[0].value`],
    ['an object in a list', filtered({ field: 'a', operator: 'in', value: ['a', {}] }), `${first}.filters[0].value[1]`],
    ['NUL in a value', filtered({ field: 'a', operator: 'equals', value: '\u0000' }), `${first}.filters[0].value`],
    ['a list as metadata', { metadata_filter: { environment: ['production'] } }, 'metadata_filter.environment'],
    ['a pair that would get lost', { metadata_filter: JSON.parse('{"__proto__": "x"}') }, 'metadata_filter.__proto__'],
    ['text as metadata filter', { metadata_filter: 'environment=production' }, 'metadata_filter'],
    ['a channel that a webhook has not', { channel: '#general' }, 'channel'],
    ['a misspelt field', { metadata_filters: {} }, 'metadata_filters'],
    ['no integration', { integration_id: undefined }, 'integration_id'],
    ['enabled as text', { enabled: 'true' }, 'enabled'],
  ])('%s is refused, and the field is named', async (_, body, field) => {
    const answer = await bind(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ field });
  });

  test('an unknown agent or integration is 404, and the answer names it', async () => {
    const unknownAgent = await caller.post('/v1/agents/agt_unknown/notifications', { integration_id: webhookId, subscription: { mode: 'all' } });
    expect(unknownAgent.body).toMatchObject({ status: 404, detail: expect.stringContaining('agt_unknown') });
    const unknownIntegration = await bind({ integration_id: 'int_unknown' });
    expect(unknownIntegration.body).toMatchObject({ status: 404, detail: expect.stringContaining('int_unknown') });
  });

  test('a patch merges the metadata filter, replaces the subscription, and keeps the rest', async () => {
    const { body: created } = await bind({ ...custom({ event: 'ExecutionFailed' }), metadata_filter: { environment: 'production', team: 'payments' } });
    const path = `/v1/notifications/${created.id}`;
    const merged = await caller.patch(path, { metadata_filter: { team: null, region: 'us-east' } });
    expect(merged.body).toMatchObject({ subscription: created.subscription, metadata_filter: { environment: 'production', region: 'us-east' } });
    expect(merged.body.metadata_filter).not.toHaveProperty('team');
    expect((await caller.patch(path, { subscription: { mode: 'all' } })).body).toMatchObject({ subscription: { mode: 'all' } });
    expect((await caller.patch(path, { metadata_filter: null, enabled: false })).body).toMatchObject({ metadata_filter: {}, enabled: false });
    expect((await caller.patch(path, { integration_id: slackId, channel: '#x' })).body).toMatchObject({ integration_id: slackId, channel: '#x' });
    expect((await caller.patch(path, { integration_id: webhookId })).body).toMatchObject({ status: 400, field: 'channel' });
    expect((await caller.patch(path, { integration_id: webhookId, channel: null })).body).toMatchObject({ integration_id: webhookId, channel: null });
    expect((await caller.patch(path, { agent_id: agentId })).body).toMatchObject({ status: 400, field: 'agent_id' });
  });

  test('every change raises the rules version that new events are stamped with', async () => {
    const steps = [
      () => caller.post('/v1/agents', { name: 'versioned' }),
      () => bind({}),
      async () => caller.patch(`/v1/notifications/${(await bind({})).body.id}`, { enabled: false }),
      async () => caller.delete(`/v1/notifications/${(await bind({})).body.id}`),
      () => caller.patch(`/v1/integrations/${webhookId}`, { enabled: true }),
    ];
    for (const step of steps) {
      const before = await rulesVersion();
      await step();
      expect(await rulesVersion()).toBeGreaterThan(before);
    }
  });

  test('lists are filtered by agent, integration and being enabled', async () => {
    const other = await newCaller(api);
    const bound = await boundWebhook(other, 'first');
    const second = await boundWebhook(other, 'second');
    await other.patch(`/v1/notifications/${second.notificationId}`, { enabled: false });
    const ids = async (path: string) => (await other.get(path)).body.data.map(({ id }) => id);
    expect(await ids('/v1/notifications')).toEqual([second.notificationId, bound.notificationId]);
    expect(await ids(`/v1/notifications?agent_id=${bound.agentId}`)).toEqual([bound.notificationId]);
    expect(await ids(`/v1/notifications?integration_id=${second.integrationId}`)).toEqual([second.notificationId]);
    expect(await ids('/v1/notifications?enabled=true')).toEqual([bound.notificationId]);
    expect(await ids(`/v1/agents/${second.agentId}/notifications`)).toEqual([second.notificationId]);
    expect((await other.get('/v1/agents/agt_unknown/notifications')).status).toBe(404);
  });

  test('an agent has at most 2,000 notifications', async () => {
    const other = await newCaller(api);
    const bound = await boundWebhook(other, 'crowded');
    const row = {
      organisation_id: other.organisationId,
      agent_id: bound.agentId,
      integration_id: bound.integrationId,
      subscription: '{"mode":"all"}',
      metadata_filter: '{}',
    };
    await api.db
      .insertInto('notifications')
      .values(Array.from({ length: 1998 }, (_, index) => ({ ...row, id: `ntf_${index}` })))
      .execute();
    const body = { integration_id: bound.integrationId, subscription: { mode: 'all' } };
    const path = `/v1/agents/${bound.agentId}/notifications`;
    const answers = await Promise.all([1, 2, 3].map(() => other.post(path, body)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  });
});

describe('preview', () => {
  test("shows the seed's Slack message, and sends nothing", async () => {
    const { body: notification } = await bind({ integration_id: slackId, ...custom({ event: 'ExecutionFailed' }) });
    const event = { type: 'ExecutionFailed', payload: { reason: 'Payment gateway timeout' } };
    const { status, body } = await caller.post(`/v1/notifications/${notification.id}/preview`, { event });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      decision: 'sent',
      reason: null,
      to: 'Slack #operations-alerts',
      message: { body: { text: '🔴 Execution Failed - Payment gateway timeout', channel: '#operations-alerts' } },
    });
    expect(JSON.stringify(body)).not.toContain('very-secret');
    expect((await caller.get(`/v1/deliveries?notification_id=${notification.id}`)).body.data).toEqual([]);
  });

  test('shows the body of a webhook', async () => {
    const { body: notification } = await bind({});
    const event = { type: 'EXECUTION_COMPLETED', payload: { outcome: 'success' } };
    const { body } = await caller.post(`/v1/notifications/${notification.id}/preview`, { event, metadata: { environment: 'production' } });
    const info = { event: 'EXECUTION_COMPLETED', agent_id: agentId, agent_name: 'order-processing', payload: { outcome: 'success' }, metadata: { environment: 'production' } };
    expect(body).toMatchObject({ decision: 'sent', message: { body: { type: 'execution', info } } });
  });

  test('says why an event would be skipped, in the order in which the reasons are examined', async () => {
    const { body: notification } = await bind({
      ...custom({ event: 'ExecutionCompleted', filters: [{ field: 'Outcome', operator: 'equals', value: 'failure' }] }),
      metadata_filter: { environment: 'production' },
      enabled: false,
    });
    const preview = async (type: string, outcome: string, environment?: string) => {
      const body = { event: { type, payload: { outcome } }, metadata: environment === undefined ? {} : { environment } };
      const answer = await caller.post(`/v1/notifications/${notification.id}/preview`, body);
      return [answer.body.decision, answer.body.reason];
    };
    expect(await preview('ExecutionFailed', 'failure', 'production')).toEqual(['skipped', 'event_type']);
    expect(await preview('ExecutionCompleted', 'success', 'production')).toEqual(['skipped', 'field_filter']);
    expect(await preview('ExecutionCompleted', 'failure', 'staging')).toEqual(['skipped', 'metadata']);
    expect(await preview('ExecutionCompleted', 'failure')).toEqual(['skipped', 'metadata']);
    expect(await preview('ExecutionCompleted', 'failure', 'production')).toEqual(['skipped', 'disabled']);
    await caller.patch(`/v1/notifications/${notification.id}`, { enabled: true });
    expect(await preview('ExecutionCompleted', 'failure', 'production')).toEqual(['sent', null]);
  });

  test('judges a stored event with the metadata of its time', async () => {
    const { body: notification } = await bind({ metadata_filter: { environment: 'production' } });
    await caller.post('/v1/sessions', { id: 'previewed', agent_id: agentId, tags: ['environment:production'] });
    await caller.post('/v1/sessions/previewed/events', { events: [{ id: 'declined', type: 'ExecutionFailed', reason: 'declined' }] });
    const path = `/v1/notifications/${notification.id}/preview`;
    const { body } = await caller.post(path, { session_id: 'previewed', event_id: 'declined' });
    expect(body).toMatchObject({ decision: 'sent', message: { body: { event_id: 'declined', info: { execution_id: 'previewed', payload: { reason: 'declined' } } } } });
    expect((await caller.post(path, { session_id: 'previewed', event_id: 'unknown' })).status).toBe(404);
    expect((await caller.post(path, { session_id: 'unknown', event_id: 'declined' })).status).toBe(404);
  });

  test.each([
    [{}, 'event'],
    [{ event: { type: 'ExecutionFailed', payload: 'text' } }, 'event.payload'],
    [{ event: { type: '' } }, 'event.type'],
    [{ session_id: 'previewed' }, 'event_id'],
    [{ event: { type: 'ExecutionFailed' }, metdata: {} }, 'metdata'],
  ])('a request like %j is refused', async (body, field) => {
    const { body: notification } = await bind({});
    expect((await caller.post(`/v1/notifications/${notification.id}/preview`, body)).body).toMatchObject({ status: 400, field });
  });
});
