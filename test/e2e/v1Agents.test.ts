import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { boundWebhook, type Caller, firstCaller, newCaller, withScopes } from '../support/caller.ts';

let api: TestApi;
let caller: Caller;

beforeAll(async () => {
  api = await startTestApi();
  caller = firstCaller(api);
});
afterAll(() => api.close());

describe('agents', () => {
  test('an agent is created, read, renamed and deleted', async () => {
    const created = await caller.post('/v1/agents', { name: '  order-processing ' });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ id: expect.stringMatching(/^agt_/), name: 'order-processing' });
    const path = `/v1/agents/${created.body.id}`;
    expect((await caller.get(path)).body).toEqual(created.body);
    const renamed = await caller.patch(path, { name: 'orders' });
    expect(renamed.body).toMatchObject({ id: created.body.id, name: 'orders' });
    expect((await caller.patch(path, {})).body).toEqual(renamed.body);
    expect((await caller.delete(path)).status).toBe(204);
    expect((await caller.get(path)).status).toBe(404);
    expect((await caller.delete(path)).status).toBe(404);
  });

  test('a second agent of the same name is a conflict that names the first', async () => {
    const first = await caller.post('/v1/agents', { name: 'twice' });
    const second = await caller.post('/v1/agents', { name: 'twice ' });
    expect(second.status).toBe(409);
    expect(second.headers.get('content-type')).toContain('application/problem+json');
    expect(second.body).toMatchObject({ type: 'urn:herald:problem:conflict', existing_id: first.body.id });
    const other = await caller.post('/v1/agents', { name: 'thrice' });
    expect((await caller.patch(`/v1/agents/${other.body.id}`, { name: 'twice' })).body).toMatchObject({ status: 409, existing_id: first.body.id });
  });

  test('of ten simultaneous requests for one name one creates the agent', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => caller.post('/v1/agents', { name: 'crowded' })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9);
  });

  test('another organisation may use the same name', async () => {
    await caller.post('/v1/agents', { name: 'common' });
    const other = await newCaller(api);
    expect((await other.post('/v1/agents', { name: 'common' })).status).toBe(201);
  });

  test.each([
    ['without a name', {}, 'name'],
    ['with an empty name', { name: '   ' }, 'name'],
    ['with a name of 256 characters', { name: 'x'.repeat(256) }, 'name'],
    ['with NUL in the name', { name: 'a\u0000b' }, 'name'],
    ['with a number for a name', { name: 5 }, 'name'],
    ['with a field nobody knows', { name: 'x', nmae: 'y' }, 'nmae'],
  ])('an agent %s is refused, and the field is named', async (_, body, field) => {
    const answer = await caller.post('/v1/agents', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ field, detail: expect.stringContaining(field) });
  });

  test('an agent takes its notifications with it', async () => {
    const { agentId, notificationId, integrationId } = await boundWebhook(caller, 'short-lived');
    expect((await caller.delete(`/v1/agents/${agentId}`)).status).toBe(204);
    expect((await caller.get(`/v1/notifications/${notificationId}`)).status).toBe(404);
    expect((await caller.get(`/v1/integrations/${integrationId}`)).status).toBe(200);
  });
});

describe('lists', () => {
  test('pages hold every entry once, newest first', async () => {
    const lister = await newCaller(api);
    const names = Array.from({ length: 7 }, (_, index) => `agent ${index}`);
    for (const name of names) await lister.post('/v1/agents', { name });
    const seen: unknown[] = [];
    let path: string | undefined = '/v1/agents?limit=3';
    let pages = 0;
    while (path) {
      const { body } = await lister.get(path);
      seen.push(...body.data.map(({ name }) => name));
      pages += 1;
      path = body.next_cursor === null ? undefined : `/v1/agents?limit=3&cursor=${body.next_cursor}`;
    }
    expect(seen).toEqual(names.toReversed());
    expect(pages).toBe(3);
  });

  test('a page stays where it was when entries are added and its last one is deleted', async () => {
    const lister = await newCaller(api);
    for (const name of ['a', 'b', 'c', 'd']) await lister.post('/v1/agents', { name });
    const { body } = await lister.get('/v1/agents?limit=2');
    await lister.delete(`/v1/agents/${body.data[1]!.id}`);
    await lister.post('/v1/agents', { name: 'e' });
    const next = await lister.get(`/v1/agents?limit=2&cursor=${body.next_cursor}`);
    expect(next.body).toMatchObject({ data: [{ name: 'b' }, { name: 'a' }], next_cursor: null });
  });

  test('entries that are created in the same millisecond are neither lost nor doubled', async () => {
    const lister = await newCaller(api);
    const rows = Array.from({ length: 9 }, (_, index) => ({
      id: `agt_same${index}`,
      organisation_id: lister.organisationId,
      name: `same ${index}`,
      created_at: `2026-01-01T00:00:00.00000${index % 3}Z`,
    }));
    await api.db.insertInto('agents').values(rows).execute();
    const first = await lister.get('/v1/agents?limit=4');
    const second = await lister.get(`/v1/agents?limit=5&cursor=${first.body.next_cursor}`);
    const ids = [...first.body.data, ...second.body.data].map(({ id }) => id);
    expect(ids.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=many', 'limit'],
    ['limit=', 'limit'],
    ['cursor=nonsense', 'cursor'],
    ['cursor=MQ', 'cursor'],
    ['cursor=WyIyMDI2LTk5LTk5VDAwOjAwOjAwLjAwMDAwMFoiLCJhZ3RfMSJd', 'cursor'],
    ['nmae=x', 'nmae'],
  ])('?%s is refused, and the parameter is named', async (query, field) => {
    const answer = await caller.get(`/v1/agents?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ field });
  });

  test('a filter by name finds one agent', async () => {
    await caller.post('/v1/agents', { name: 'findable' });
    expect((await caller.get('/v1/agents?name=findable')).body.data).toMatchObject([{ name: 'findable' }]);
    expect((await caller.get('/v1/agents?name=unfindable')).body).toEqual({ data: [], next_cursor: null });
  });
});

describe('API keys and scopes', () => {
  test('a key is shown once, works at once, and not after it is revoked', async () => {
    const created = await caller.post('/v1/api_keys', { name: 'agents', scopes: ['ingest', 'ingest'] });
    expect(created.status).toBe(201);
    const { key, ...shown } = created.body;
    expect(key).toMatch(/^[0-9a-f-]{36}$/);
    expect(shown).toMatchObject({ name: 'agents', scopes: ['ingest'], hint: String(key).slice(-4), revoked_at: null });
    expect((await caller.get(`/v1/api_keys/${created.body.id}`)).body).toEqual(shown);
    const headers = { 'Content-Type': 'application/json', 'X-Agentops-Api-Key': String(key) };
    const start = (id: string) => fetch(`${api.url}/v1/sessions`, { method: 'POST', headers, body: JSON.stringify({ id }) });
    expect((await start('with the new key')).status).toBe(201);
    expect((await caller.delete(`/v1/api_keys/${created.body.id}`)).status).toBe(204);
    expect((await caller.delete(`/v1/api_keys/${created.body.id}`)).status).toBe(204);
    await expect.poll(async () => (await start('with the old key')).status, { timeout: 5000 }).toBe(401);
    const { body } = await caller.get('/v1/api_keys');
    expect(body.data.find(({ id }) => id === created.body.id)?.revoked_at).not.toBeNull();
  });

  test('an ingest key reports and does nothing else; the answer names the scope it lacks', async () => {
    const ingest = await withScopes(api, caller, ['ingest']);
    expect((await ingest.post('/v1/sessions', { id: 'reported' })).status).toBe(201);
    expect((await ingest.get('/v1/event_types')).status).toBe(200);
    for (const answer of [
      await ingest.get('/v1/sessions/reported'),
      await ingest.get('/v1/deliveries'),
      await ingest.post('/v1/agents', { name: 'x' }),
      await ingest.get('/v1/api_keys'),
    ]) {
      expect(answer.status).toBe(403);
      expect(answer.body.detail).toContain("'admin'");
    }
  });

  test('an admin key may do everything', async () => {
    const admin = await withScopes(api, caller, ['admin']);
    expect((await admin.post('/v1/sessions', { id: 'by an admin' })).status).toBe(201);
    expect((await admin.get('/v1/agents')).status).toBe(200);
  });

  test("an organisation's last admin key cannot be revoked", async () => {
    const other = await newCaller(api);
    const [only] = (await other.get('/v1/api_keys')).body.data;
    expect((await other.delete(`/v1/api_keys/${only!.id}`)).status).toBe(409);
    await other.post('/v1/api_keys', { name: 'second', scopes: ['admin'] });
    expect((await other.delete(`/v1/api_keys/${only!.id}`)).status).toBe(204);
  });

  test('without a valid key there is nothing to see', async () => {
    for (const headers of [{}, { Authorization: 'Bearer 00000000-0000-4000-8000-000000000000' }, { 'X-Agentops-Api-Key': 'nonsense' }]) {
      const response = await fetch(`${api.url}/v1/agents`, { headers: headers as Record<string, string> });
      expect(response.status).toBe(401);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  test.each([
    [{ name: 'x', scopes: [] }, 'scopes'],
    [{ name: 'x', scopes: ['root'] }, 'scopes[0]'],
    [{ name: 'x' }, 'scopes'],
    [{ scopes: ['admin'] }, 'name'],
  ])('a key like %j is refused', async (body, field) => {
    expect((await caller.post('/v1/api_keys', body)).body).toMatchObject({ status: 400, field });
  });

  test('a default agent must be one of the organisation', async () => {
    const { body: agent } = await (await newCaller(api)).post('/v1/agents', { name: 'foreign' });
    const answer = await caller.post('/v1/api_keys', { name: 'x', scopes: ['ingest'], default_agent_id: agent.id });
    expect(answer.status).toBe(404);
  });
});
