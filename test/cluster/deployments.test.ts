import type { WorkflowExecutionDescription } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningWorker } from '../../worker/worker.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, type EngineSession, event, historyOf, startSession, until } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { createTestDatabase, uniqueName } from '../support/stack.ts';
import { startTemporalCluster, type TemporalCluster } from '../support/temporalCluster.ts';
import { startTemporalProxy } from '../support/temporalProxy.ts';
import { makeCurrent, startWorkerOf } from '../support/workerVersions.ts';

let cluster: TemporalCluster;
let receiver: Receiver;
let engine: Engine;

beforeAll(async () => {
  const database = await createTestDatabase();
  await database.close();
  cluster = await startTemporalCluster({ postgresUrl: database.url, database: uniqueName('temporal') });
  [engine, receiver] = await Promise.all([startEngine({ temporalAddress: cluster.address, worker: false }), startReceiver()]);
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
  await cluster?.stop();
});

async function ended(worker: RunningWorker): Promise<void> {
  worker.stop();
  await worker.done;
}

const versionOf = ({ raw }: WorkflowExecutionDescription) => {
  const { behavior, deploymentVersion } = raw.workflowExecutionInfo?.versioningInfo ?? {};
  return { behavior, buildId: deploymentVersion?.buildId };
};
const PINNED = 1;

async function reportingSession(): Promise<EngineSession> {
  const agent = await engine.agent(uniqueName('agent'));
  await engine.notify(agent.id, await engine.webhook(receiver.url));
  return startSession(engine, { agents: [agent] });
}

describe('when a new version of Herald is deployed', () => {
  it('a paused session moves to it while nothing happens in it, and goes on when the old workers have gone', async () => {
    const name = uniqueName('herald');
    const old = await startWorkerOf(engine, { name, buildId: 'v1' });
    await until(() => makeCurrent(engine, { name, buildId: 'v1' }), 'the version to be the current one');
    const session = await reportingSession();
    await session.append(event('pause', 'ExecutionPaused'));
    await arrivedOf(receiver, session, 2);
    const before = await session.handle.describe();
    expect(versionOf(before)).toEqual({ behavior: PINNED, buildId: 'v1' });

    const fresh = await startWorkerOf(engine, { name, buildId: 'v2' }, { pauseMs: 500 });
    await until(() => makeCurrent(engine, { name, buildId: 'v2' }), 'the version to be the current one');
    await expect.poll(async () => versionOf(await session.handle.describe())).toEqual({ behavior: PINNED, buildId: 'v2' });
    await ended(old);
    expect((await session.handle.describe()).runId).not.toBe(before.runId);
    expect((await session.view()).state.status).toBe('paused');
    await session.append(event('resume', 'ExecutionResumed'), event('end', 'ExecutionCompleted'));
    const messages = await arrivedOf(receiver, session, 4);
    expect(messages.map(({ event_id }) => event_id).slice(1)).toEqual(['pause', 'resume', 'end']);
    await ended(fresh);
  });

  it('a busy session stays with the version that began its run until it hands over, and loses nothing', async () => {
    const name = uniqueName('herald');
    const old = await startWorkerOf(engine, { name, buildId: 'v1' });
    await until(() => makeCurrent(engine, { name, buildId: 'v1' }), 'the version to be the current one');
    const session = await reportingSession();
    const ids = Array.from({ length: 60 }, (_, index) => `e${index}`);
    const reporting = (async () => {
      for (const id of ids) {
        await session.append(event(id));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const fresh = await startWorkerOf(engine, { name, buildId: 'v2' });
    const { runId } = await session.handle.describe();
    await until(() => makeCurrent(engine, { name, buildId: 'v2' }), 'the version to be the current one');
    await reporting;
    const messages = await arrivedOf(receiver, session, 61);
    expect(messages.map(({ event_id }) => event_id).slice(1)).toEqual(ids);
    expect(versionOf(await session.handle.describe()).buildId).toBe('v2');
    const first = engine.client.workflow.getHandle(session.handle.workflowId, runId);
    expect(await buildIdsOf(first)).toEqual(['v1']);
    expect((await historyOf(first)).failedTasks).toBe(0);
    await ended(old);
    await ended(fresh);
  });

  /** Versions whose workers completed workflow tasks of a run. */
  async function buildIdsOf(handle: { fetchHistory: EngineSession['handle']['fetchHistory'] }): Promise<(string | null | undefined)[]> {
    const { events = [] } = await handle.fetchHistory();
    const ids = (events ?? []).flatMap(({ workflowTaskCompletedEventAttributes: completed }) => (completed ? [completed.deploymentVersion?.buildId] : []));
    return [...new Set(ids)];
  }
});

describe('where versions of workers are switched off, or not allowed,', () => {
  it('a worker of a version says so, and works without', async () => {
    const proxy = await startTemporalProxy(cluster.address);
    // As the server answers with `system.enableDeploymentVersions: false`.
    proxy.breakAll({ call: 'ListWorkerDeployments', breaks: 'refused' });
    const plain = await startEngine({ temporalAddress: proxy.address, worker: false });
    plain.settings.deployment = { name: uniqueName('herald'), buildId: 'v1' };
    await plain.startWorker();
    const reason = expect.stringContaining('PERMISSION_DENIED');
    expect(plain.logged).toContainEqual(expect.objectContaining({ msg: 'Herald runs without versions of its workers', reason }));
    const session = await startSession(plain, { agents: [await plain.agent('orders')] });
    await session.decided();
    expect(versionOf(await session.handle.describe())).toEqual({ behavior: undefined, buildId: undefined });
    await plain.close();
    await proxy.close();
  });
});
