import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDecisionLinks } from '../../../store/decisionLinks.ts';
import { startTestApi, type TestApi } from '../../support/api.ts';
import { boundWebhook, firstCaller } from '../../support/caller.ts';
import { type Description, describedTargets, type Known, type Target } from './operations.ts';
import { createSender } from './request.ts';
import { undescribedTargets } from './undescribed.ts';

const OF_EACH_ROUTE = 4;
const ROUNDS = 4;
/** A route's first requests leave plans, texts and compiled code behind. What is kept of each request is more. */
const ALLOWED_BYTES = 5 * 1_048_576;
const SIGNING_SECRET = '8f742231b10e8888abcd99yyyzzz85a5';
/** They wait for Temporal, which is away here, unless there is no such session. */
const COMMAND = /^POST \/v1\/sessions\/\{id\}\/(pause|resume|cancel|messages|confirmations)/;

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi({ slack: { clientId: '12.34', clientSecret: 'very-secret', signingSecret: SIGNING_SECRET, url: 'http://127.0.0.1:9' } });
});
afterAll(() => api?.close());

async function everyTarget(): Promise<Target[]> {
  const caller = firstCaller(api);
  const { agentId, integrationId, notificationId } = await boundWebhook(caller);
  const { body: session } = await caller.post('/v2/create_session', { session: { id: 'fuzzed', agent_name: 'order-processing' } }, { 'X-Agentops-Api-Key': caller.key });
  const { body: install } = await caller.post('/v1/slack/installs', {});
  const ids: Record<string, string[]> = { sessions: ['fuzzed'], session_id: ['fuzzed'], agents: [agentId], integrations: [integrationId], notifications: [notificationId] };
  const known: Known = { apiKey: api.key, sessionToken: String(session.jwt), values: (name) => ids[name] ?? [] };
  const description = (await (await fetch(`${api.url}/openapi.json`)).json()) as Description;
  const deliveryId = `dlv_${'0'.repeat(32)}`;
  const link = createDecisionLinks(api.settings.secretKey).make({ deliveryId, expiresAt: new Date(Date.now() + 3_600_000) })!;
  return [
    ...describedTargets(description, known).filter(({ name }) => !COMMAND.test(name)),
    ...describedTargets(description, { ...known, values: () => [] }).filter(({ name }) => COMMAND.test(name)),
    ...undescribedTargets({
      links: [link],
      deliveries: [deliveryId],
      signingSecret: SIGNING_SECRET,
      tickets: [new URL(String(install.url)).searchParams.get('ticket')!],
      returns: [{ query: { code: 'x', state: 'y' }, cookie: 'slack-app-oauth-state=y' }],
    }),
  ];
}

it('memory does not grow with requests of any kind', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { send, close } = createSender(api.url);
  const targets = await everyTarget();
  const used: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { requests } of targets) {
      // Other values each time, and other keys for some: nothing that is kept for each of them stays unnoticed.
      const sample = fc.sample(requests, { seed: round, numRuns: OF_EACH_ROUTE });
      await Promise.all(
        sample.map((raw, index) => {
          const unlike = `${round} ${index} ${raw.path.length}`;
          return send({ ...raw, headers: { 'idempotency-key': unlike, ...raw.headers, ...(index === 0 ? { 'x-agentops-api-key': unlike } : {}) } });
        }),
      );
    }
    api.logged.length = 0;
    collect();
    used.push(process.memoryUsage().heapUsed);
  }
  close();
  const growth = used.at(-1)! - used[1]!;
  expect(growth, `bytes in use after each round: ${used.join(', ')}`).toBeLessThan(ALLOWED_BYTES);
});
