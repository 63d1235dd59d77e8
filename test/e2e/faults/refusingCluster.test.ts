import type { Connection } from '@temporalio/client';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, startApi } from '../../../api/process.ts';
import { deliveryWorkflowId, SEARCH_ATTRIBUTES, sessionWorkflowId } from '../../../model/naming.ts';
import { openTemporalClient } from '../../../temporal/connect.ts';
import { newOrganisation } from '../../support/api.ts';
import { type Caller, callerOf } from '../../support/caller.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { until } from '../../support/engineSession.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { temporalAddress, uniqueName } from '../../support/stack.ts';
import { startTemporalProxy, type TemporalProxy } from '../../support/temporalProxy.ts';

const KEYWORD = 2;

/** Takes no search attributes from Herald, and keeps no versions of workers apart: the bundled server is too old for it. */
let cluster: TemporalProxy;
let receiver: Receiver;
let engine: Engine;
let api: RunningApi;
const saidByApi: Record<string, unknown>[] = [];
let caller: Caller;
let agentId: string;

beforeAll(async () => {
  [cluster, receiver] = await Promise.all([temporalAddress().then(startTemporalProxy), startReceiver({ behaviour: { status: 503 } })]);
  cluster.breakAll({ call: 'AddSearchAttributes', breaks: 'refused' });
  cluster.breakAll({ call: 'ListWorkerDeployments', breaks: 'refused' });
  engine = await startEngine({ temporalAddress: cluster.address, worker: false, timings: { send: { retrySchedule: [0, 600_000] } } });
  engine.settings.deployment = { name: 'herald', buildId: '1' };
  const limits = { requestBytes: 1_048_576, eventBytes: 65_536, eventsPerRequest: 100 };
  const log = pino({ level: 'warn' }, { write: (line: string) => saidByApi.push(JSON.parse(line) as Record<string, unknown>) });
  api = await startApi({ ...engine.settings, port: 0, limits, tokenPrices: {} }, log);
  await engine.startWorker();
  const { organisationId, key } = await newOrganisation(engine.db);
  caller = callerOf(`http://127.0.0.1:${api.port}`, organisationId, key);
  agentId = (await caller.post('/v1/agents', { name: 'orders' })).body.id;
  const { body: integration } = await caller.post('/v1/integrations', { name: 'away', type: 'webhook', config: { url: receiver.url } });
  await caller.post(`/v1/agents/${agentId}/notifications`, { integration_id: integration.id, subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] } });
});
afterAll(async () => {
  await api?.stop();
  await engine?.close();
  await cluster?.close();
  await receiver?.close();
});

/** A session that is paused, resumed and fails, whose message does not arrive; answers how the Temporal server knows both. */
async function failedSession() {
  const id = uniqueName('session');
  expect((await caller.post('/v1/sessions', { id, agent_id: agentId })).status).toBe(201);
  for (const command of ['pause', 'resume']) expect((await caller.post(`/v1/sessions/${id}/${command}`)).status).toBe(200);
  await caller.post(`/v1/sessions/${id}/events`, { events: [{ type: 'ExecutionFailed' }] });
  const deliveries = async () => (await caller.get(`/v1/deliveries?session_id=${id}`)).body.data;
  await until(async () => (await deliveries())[0]?.status === 'retrying', 'a message that is tried again');
  const [delivery] = await deliveries();
  const { workflow } = engine.client;
  // Whoever saw the failure starts it right after it is recorded.
  await until(() => workflow.getHandle(deliveryWorkflowId(delivery!.id)).describe().then(() => true, () => false), 'the workflow of its retries');
  const [session, retries] = await Promise.all([
    workflow.getHandle(sessionWorkflowId(caller.organisationId, id)).describe(),
    workflow.getHandle(deliveryWorkflowId(delivery!.id)).describe(),
  ]);
  return { id, session, retries };
}

async function registerSearchAttributes(): Promise<void> {
  const { namespace } = engine.client.options;
  const administrator = openTemporalClient({ address: await temporalAddress(), namespace });
  const searchAttributes = Object.fromEntries(Object.values(SEARCH_ATTRIBUTES).map((name) => [name, KEYWORD]));
  await (administrator.connection as Connection).operatorService.addSearchAttributes({ namespace, searchAttributes });
  await administrator.connection.close();
}

describe('on a cluster that takes no search attributes from Herald', () => {
  const warning = { msg: expect.stringContaining('Herald runs without its search attributes'), reason: expect.stringContaining('PERMISSION_DENIED') };

  it('API and worker say so once, and work without', async () => {
    await expect.poll(() => saidByApi).toContainEqual(expect.objectContaining(warning));
    expect(engine.logged).toContainEqual(expect.objectContaining(warning));
    const { session, retries } = await failedSession();
    expect(Object.keys({ ...session.searchAttributes, ...retries.searchAttributes }).filter((name) => name.startsWith('Herald'))).toEqual([]);
    const warnings = [...saidByApi, ...engine.logged].filter(({ msg }) => String(msg).includes('search attributes'));
    expect(warnings).toHaveLength(2);
  });

  it('they use them, without a restart, once somebody else has registered them', async () => {
    await registerSearchAttributes();
    await expect
      .poll(
        async () => {
          const { id, session, retries } = await failedSession();
          const { HeraldSession, HeraldStatus } = session.searchAttributes;
          return { isShown: HeraldSession?.[0] === id && HeraldStatus?.[0] === 'failed', retries: retries.searchAttributes };
        },
        { interval: 500 },
      )
      .toMatchObject({ isShown: true, retries: { HeraldDeliveryStatus: ['retrying'] } });
  });
});

describe('on a cluster without versions of workers', () => {
  it('a worker of a version says so, and works without', async () => {
    const reason = expect.stringMatching(/is older than 1\.30$|PERMISSION_DENIED/);
    expect(engine.logged).toContainEqual(expect.objectContaining({ msg: 'Herald runs without versions of its workers', reason }));
    const { session } = await failedSession();
    expect(session.raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion ?? null).toBeNull();
  });
});
