import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AnswerBody, type Caller, callerOf } from '../support/caller.ts';
import { list, notify, openStage, pidOf, signal, type Stage, until, webhook } from './stage.ts';

let stage: Stage;
let api: Caller;

beforeAll(async () => {
  stage = await openStage();
  api = callerOf(stage.herald.url, 'default', stage.herald.apiKey);
});
afterAll(() => stage?.close());

it('a retry schedule goes on where it was when the worker and the Temporal server are killed together', async () => {
  stage.receiver.behave({ status: 500 });
  const subscription = { mode: 'custom', rules: [{ event: 'ExecutionStarted' }] };
  await notify(api, 'shop', { ...webhook(stage, '/down'), delivery: { retry_schedule_s: [1, 20, 3600] } }, { subscription });
  await api.post('/v1/sessions', { id: 'order-1', agent_name: 'shop' });
  await attempted(2);

  const pid = await signal(stage, 'temporal', 'SIGKILL');
  await signal(stage, 'worker', 'SIGKILL');
  await until('the Temporal server is started again', 60_000, () => pidOf(stage, 'temporal') !== pid || undefined);

  const { id } = await attempted(3);
  const { attempts, status, next_attempt_at: next } = (await api.get(`/v1/deliveries/${id}`)).body as unknown as Detail;
  const [, second, third] = attempts.map(({ started_at }) => Date.parse(started_at));
  expect(third! - second!).toBeGreaterThan(16_000);
  expect(third! - second!).toBeLessThan(60_000);
  expect(status).toBe('retrying');
  expect(Date.parse(next) - Date.now()).toBeGreaterThan(0.79 * 3_600_000);
  expect(stage.receiver.received).toHaveLength(3);
}, 180_000);

interface Detail {
  attempts: { started_at: string }[];
  status: string;
  next_attempt_at: string;
}

async function attempted(count: number): Promise<AnswerBody> {
  return until(`there are ${count} attempts`, 120_000, async () => (await list(api, '/v1/deliveries')).find(({ attempt_count }) => attempt_count === count));
}
