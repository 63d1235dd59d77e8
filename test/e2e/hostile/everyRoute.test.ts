import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundWebhook, type Caller } from '../../support/caller.ts';
import { type EngineApi, startEngineApi } from '../../support/engineApi.ts';
import { until } from '../../support/engineSession.ts';
import { type Description, type Known, type Operation, operationsOf, requestsTo } from './operations.ts';
import { createSender, type RawAnswer } from './request.ts';

/** `HERALD_FUZZ_SEED` and `HERALD_FUZZ_RUNS` (for each operation) look further than `npm test`. */
const SEED = Number(process.env.HERALD_FUZZ_SEED ?? 4);
const RUNS = Number(process.env.HERALD_FUZZ_RUNS ?? 12);
const AT_ONCE = 4;

let api: EngineApi;
let caller: Caller;
let known: Known;
let description: Description;
let sender: ReturnType<typeof createSender>;

beforeAll(async () => {
  process.stderr.write(`fuzzing with HERALD_FUZZ_SEED=${SEED} HERALD_FUZZ_RUNS=${RUNS}\n`);
  api = await startEngineApi();
  caller = await api.newCaller();
  sender = createSender(api.url);
  known = await thingsToTry();
  description = (await (await fetch(`${api.url}/openapi.json`)).json()) as Description;
});
afterAll(async () => {
  sender?.close();
  await api?.close();
});

/** One of everything that there are ids of. */
async function thingsToTry(): Promise<Known> {
  const { agentId, integrationId, notificationId } = await boundWebhook(caller);
  const session = await caller.post('/v2/create_session', { session: { id: 'fuzzed', agent_name: 'order-processing' } }, { 'X-Agentops-Api-Key': caller.key });
  await caller.post('/v1/sessions', { id: 'fuzzed too', agent_id: agentId });
  const { body: delivery } = await caller.post(`/v1/integrations/${integrationId}/test`, {});
  const { body: key } = await caller.post('/v1/api_keys', { name: 'spare', scopes: ['ingest'] });
  const values: Record<string, unknown[]> = {
    agents: [agentId],
    agent_id: [agentId, 'agent-123'],
    integrations: [integrationId],
    integration_id: [integrationId],
    notifications: [notificationId],
    notification_id: [notificationId],
    sessions: ['fuzzed', 'fuzzed too'],
    session_id: ['fuzzed', 'fuzzed too'],
    id: ['fuzzed', 'fuzzed too', 'another'],
    deliveries: [delivery.id],
    api_keys: [key.id],
    // A path of its own is none of an integration's: what is sent goes nowhere else.
    url: ['http://127.0.0.1:9/nobody', 'https://hooks.example.com/x'],
  };
  return { apiKey: caller.key, sessionToken: String(session.body.jwt), values: (name) => values[name] ?? [] };
}

/** What is wrong with an answer. */
function faultOf({ path }: Operation, { status, type, text }: RawAnswer): string | undefined {
  if (status >= 500) return `answered ${status}: ${text.slice(0, 300)}`;
  // 431: more headers than are read at all.
  if (status < 400 || status === 431) return undefined;
  const body = type.includes('json') ? (JSON.parse(text) as Record<string, unknown>) : {};
  if (path.startsWith('/v1/')) return type.startsWith('application/problem+json') && body.status === status && typeof body.detail === 'string' ? undefined : `its ${status} is no problem+json: ${text.slice(0, 300)}`;
  if (path.startsWith('/v2/')) return typeof body.error === 'string' && typeof body.message === 'string' ? undefined : `its ${status} has not AgentOps' shape: ${text.slice(0, 300)}`;
  return undefined;
}

/** Answers the statuses that came; throws with the request that was answered wrongly. */
async function fuzz(operation: Operation): Promise<number[]> {
  const statuses: number[] = [];
  let wrong = '';
  const property = fc.asyncProperty(requestsTo(description, operation, known), async (raw) => {
    const answer = await sender.send(raw).catch((error: unknown) => String(error));
    if (typeof answer !== 'string') statuses.push(answer.status);
    const fault = typeof answer === 'string' ? answer : faultOf(operation, answer);
    if (fault === undefined) return true;
    wrong = `${raw.method} ${raw.path} ${JSON.stringify(raw.headers)} ${raw.body?.toString() ?? ''}\n${fault}`;
    return false;
  });
  const run = await fc.check(property, { seed: SEED, numRuns: RUNS, endOnFailure: RUNS <= 20 });
  if (run.failed) throw new Error(`${operation.name}, run ${run.numRuns}: ${wrong}`);
  return statuses;
}

describe('requests made of nonsense', () => {
  it('to every route get an answer that says what is wrong, in time', { timeout: 30_000 + RUNS * 10_000 }, async () => {
    const operations = operationsOf(description);
    expect(operations.length).toBeGreaterThan(50);
    const problems: string[] = [];
    const heard: Record<string, number[]> = {};
    for (const group of [operations.filter(({ method }) => method !== 'delete'), operations.filter(({ method }) => method === 'delete')]) {
      const queue = [...group];
      const work = async () => {
        for (let operation = queue.shift(); operation; operation = queue.shift()) {
          heard[operation.name] = await fuzz(operation).catch((error: unknown) => {
            problems.push(String(error));
            return [];
          });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    }
    expect(problems).toEqual([]);
    const accepted = Object.values(heard).filter((statuses) => statuses.some((status) => status < 400)).length;
    expect(accepted, `operations that took some of it: ${JSON.stringify(heard)}`).toBeGreaterThan(operations.length / 2);
  });

  it('leave the prototypes of objects as they were', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('leave an API that answers, and sessions whose workflows decide everything', async () => {
    expect((await caller.get('/v1/sessions')).status).toBe(200);
    const undecided = async () => {
      const rows = await api.engine.db.selectFrom('session_progress').select(['session_key']).whereRef('last_seq', '>', 'decided_seq').execute();
      return rows.length;
    };
    await until(async () => (await undecided()) === 0, 'every event to be decided');
    const faults = api.engine.logged.filter(({ level }) => level >= 50).map(({ msg, err }) => `${msg}: ${err?.message}`);
    expect(faults).toEqual([]);
  });
});
