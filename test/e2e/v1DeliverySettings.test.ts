import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { type Caller, firstCaller } from '../support/caller.ts';

let api: TestApi;
let caller: Caller;

beforeAll(async () => {
  api = await startTestApi();
  caller = firstCaller(api);
});
afterAll(() => api.close());

const webhook = { name: 'alerts', type: 'webhook', config: { url: 'https://hooks.example.com/x' } };
const slack = { name: 'alerts', type: 'slack', config: { bot_token: 'xoxb-1', channel: '#alerts' } };
const defaults = { retry_schedule_s: [5, 300, 1800, 7200, 18_000, 36_000, 36_000], timeout_s: 15, rate_limit: null, disable_after_s: 432_000 };

async function created(body: object): Promise<string> {
  const answer = await caller.post('/v1/integrations', body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body.id;
}

const shown = async (id: string) => (await caller.get(`/v1/integrations/${id}`)).body;

describe('delivery settings', () => {
  test('show the defaults that hold where nothing is set', async () => {
    expect((await shown(await created(webhook))).delivery).toEqual(defaults);
    expect((await shown(await created(slack))).delivery).toMatchObject({ rate_limit: { per_second: 1 } });
  });

  test('are set when the integration is created, one by one', async () => {
    const id = await created({ ...webhook, delivery: { retry_schedule_s: [1, 60], rate_limit: { per_second: 5 } } });
    expect((await shown(id)).delivery).toEqual({ ...defaults, retry_schedule_s: [1, 60], rate_limit: { per_second: 5, burst: 1 } });
  });

  test('change one by one; null of all of them brings the defaults back', async () => {
    const id = await created({ ...slack, delivery: { timeout_s: 5 } });
    const patch = async (delivery: unknown) => (await caller.patch(`/v1/integrations/${id}`, { delivery })).body.delivery;
    expect(await patch({ rate_limit: null, disable_after_s: null })).toEqual({ ...defaults, timeout_s: 5, rate_limit: null, disable_after_s: null });
    expect(await patch({ retry_schedule_s: [] })).toMatchObject({ retry_schedule_s: [], timeout_s: 5, rate_limit: null });
    expect(await patch(null)).toMatchObject({ ...defaults, rate_limit: { per_second: 1 } });
  });

  test.each([
    [{ retry_schedule_s: 5 }, 'delivery.retry_schedule_s', 'must be a list'],
    [{ retry_schedule_s: [5, -1] }, 'delivery.retry_schedule_s[1]', 'from 0.1 to 604800'],
    [{ retry_schedule_s: Array.from({ length: 21 }, () => 1) }, 'delivery.retry_schedule_s', 'at most 20 delays'],
    [{ timeout_s: 31 }, 'delivery.timeout_s', 'from 0.1 to 30'],
    [{ timeout_s: null }, 'delivery.timeout_s', 'must be a number of seconds'],
    [{ rate_limit: { per_second: 0 } }, 'delivery.rate_limit.per_second', 'messages a second'],
    [{ rate_limit: { burst: 2 } }, 'delivery.rate_limit.per_second', 'messages a second'],
    [{ rate_limit: { per_second: 1, burst: 1.5 } }, 'delivery.rate_limit.burst', 'whole number'],
    [{ disable_after_s: 0 }, 'delivery.disable_after_s', 'at least 1, or null for never'],
    [{ retries: 3 }, 'delivery.retries', 'its fields are retry_schedule_s, timeout_s, rate_limit, disable_after_s'],
  ])('like %j are refused: the field is named, and what to write instead', async (delivery, field, hint) => {
    const id = await created(webhook);
    const answers = [await caller.post('/v1/integrations', { ...webhook, delivery }), await caller.patch(`/v1/integrations/${id}`, { delivery })];
    for (const { body } of answers) expect(body).toMatchObject({ status: 400, field, detail: expect.stringContaining(hint) });
    expect((await shown(id)).delivery).toEqual(defaults);
  });
});

describe('the health of an integration', () => {
  test('is shown: untried, healthy, failing, disabled; enabling it by hand begins anew', async () => {
    const id = await created(webhook);
    const none = { failing_since: null, last_success_at: null, last_failure_at: null, last_error: null, paused_until: null };
    expect((await shown(id)).health).toEqual({ status: 'untried', ...none });
    const at = '2026-03-14T12:00:00.000Z';
    await api.db.insertInto('integration_health').values({ integration_id: id, last_success_at: at }).execute();
    expect((await shown(id)).health).toEqual({ status: 'healthy', ...none, last_success_at: at });
    const failing = { failing_since: at, last_failure_at: at, last_error: 'answered 500', paused_until: '2126-03-14T12:00:00.000Z' };
    await api.db.updateTable('integration_health').set({ ...failing, pause_ms: 1000 }).where('integration_id', '=', id).execute();
    expect((await shown(id)).health).toEqual({ status: 'failing', ...failing, last_success_at: at });
    expect((await caller.get('/v1/integrations')).body.data.find((each) => each.id === id)).toEqual(await shown(id));
    expect((await caller.patch(`/v1/integrations/${id}`, { enabled: false })).body.health).toMatchObject({ status: 'disabled', failing_since: at });
    expect((await caller.patch(`/v1/integrations/${id}`, { enabled: true })).body.health).toMatchObject({ status: 'healthy', failing_since: null, paused_until: null });
  });
});
