import type { DeliverySettings } from '../../model/deliverySettings.ts';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandAnswer, createCommands } from '../../api/commands.ts';
import type { SessionCommand } from '../../model/session.ts';
import type { SessionTimeouts } from '../../model/timeouts.ts';
import type { JsonObject } from '../../model/types.ts';
import { confirmationId } from '../../store/confirmations.ts';
import { replayWorkflowId, settlingWorkflowId } from '../../model/naming.ts';
import { updateNotification } from '../../store/notifications.ts';
import { createReplay } from '../../store/replays/replays.ts';
import { readNow } from '../../store/replays/search.ts';
import { createReplayWorkflows } from '../../temporal/replays.ts';
import type { Engine } from '../support/engineOn.ts';
import { agentNamed, arrivedOf, deliveryOf, type EngineSession, event, startSession, until } from '../support/engineSession.ts';
import type { Receiver } from '../support/receiver.ts';
import { startSlackStandIn } from '../support/slackStandIn.ts';
import { makeCurrent, startWorkerOf } from '../support/workerVersions.ts';

interface RecordedRun {
  workflowId: string;
  /** Absent: the last one. */
  runId?: string;
}

export type Scenario = (engine: Engine, receiver: Receiver) => Promise<RecordedRun>;

const filters = [{ field: 'log', operator: 'ends_with' as const, value: 'Urgent' }];

/** Each becomes the history of one run, which later workflow code must be able to replay. */
export const scenarios: Record<string, Scenario> = {
  async 'session-from-start-to-close'(engine, receiver) {
    const agent = await engine.agent('orders');
    const integrationId = await engine.webhook(receiver.url);
    const notificationId = await engine.notify(agent.id, integrationId);
    const session = await startSession(engine, { metadata: { environment: 'production' } });
    await session.append(event('before the agent'));
    await session.append(agentNamed(agent, 'sdk-1'));
    await session.decided();
    await updateNotification(engine.db, engine.organisationId, notificationId, (current) => ({ ...current, metadataFilter: { team: 'payments' } }), () => {});
    await session.append(event('learns', 'ExecutionWorkflowUpdated', {}, { effects: { metadata: { team: 'payments' } } }), event('b', 'Reported', {}, { agentRef: 'sdk-1' }));
    await session.append(event('end', 'ExecutionFailed', { reason: 'Payment gateway timeout' }), event('end again', 'ExecutionCompleted'));
    await arrivedOf(receiver, session, 5);
    return closed(session);
  },

  async 'session-with-large-events-and-default-agent'(engine, receiver) {
    const agent = await engine.agent('default');
    await engine.notify(agent.id, await engine.webhook(receiver.url), { subscription: { mode: 'custom', rules: [{ event: 'Reported', filters }] } });
    const session = await startSession(engine);
    await session.append(event('large', 'Reported', { log: `${'x'.repeat(5000)}Urgent` }), event('calm', 'Reported', { log: 'calm' }));
    await session.decided();
    await session.append(event('end', 'ExecutionCompleted'));
    await arrivedOf(receiver, session, 1);
    return closed(session);
  },

  async 'session-that-starts-again'(engine, receiver) {
    const agent = await engine.agent('support');
    await engine.notify(agent.id, await engine.webhook(receiver.url));
    const session = await startSession(engine, { agents: [agent] });
    await session.append(event('end', 'ExecutionCancelled'));
    await closed(session);
    await session.append(event('late'));
    await arrivedOf(receiver, session, 3);
    return closed(session);
  },

  async 'session-commanded'(engine, receiver) {
    const session = await watchedSession(engine, receiver);
    await command(engine, session, 'pause', { reason: 'Weekly release' });
    await command(engine, session, 'pause');
    await command(engine, session, 'resume');
    await command(engine, session, 'message', { message: 'Use the staging database' });
    const eventId = await ask(engine, session);
    await command(engine, session, 'decide', { confirmationId: confirmationId(session.key, eventId), decision: 'approve' });
    await command(engine, session, 'cancel');
    await arrivedOf(receiver, session, 7);
    return closed(session);
  },

  async 'session-that-times-out'(engine, receiver) {
    const session = await watchedSession(engine, receiver, { pauseMs: 2000, reminderMs: 1000, maxDurationMs: 60_000 });
    await session.append(event('paused', 'ExecutionPaused', { question: 'Which one?' }));
    await arrivedOf(receiver, session, 4);
    return closed(session);
  },

  async 'session-that-falls-silent'(engine, receiver) {
    const session = await watchedSession(engine, receiver, { idleMs: 1500, confirmationMs: 500 });
    await command(engine, session, 'ask', { message: 'Refund?' });
    await arrivedOf(receiver, session, 4);
    return closed(session);
  },

  /** `session-whose-changed-timeouts-gave-it-time` is the same, from when that counted as a sign of life. */
  async 'session-whose-timeouts-change'(engine, receiver) {
    const session = await watchedSession(engine, receiver, { idleMs: 4000 });
    await sleep(2000);
    await session.append(event('timeouts', 'TimeoutsChanged', {}, { silent: true, effects: { timeouts: { maxDurationMs: 60_000 } } }));
    await arrivedOf(receiver, session, 2);
    return closed(session);
  },

  async 'delivery-retried-until-delivered'(engine, receiver) {
    const { session, handle } = await failingDelivery(engine, receiver, (index) => ({ status: index < 2 ? 503 : 200 }));
    await arrivedOf(receiver, session, 3);
    await handle.result();
    return { workflowId: handle.workflowId };
  },

  async 'delivery-sent-by-hand'(engine, receiver) {
    const { handle } = await failingDelivery(engine, receiver, (index) => (index === 0 ? { status: 503, headers: { 'retry-after': '600' } } : {}));
    await handle.signal('retryNow');
    await handle.result();
    return { workflowId: handle.workflowId };
  },

  async 'replay-of-dead-letters'(engine, receiver) {
    const { db, organisationId, client } = engine;
    const { session } = await failingDelivery(engine, receiver, (index) => ({ status: index < 3 ? 503 : 200 }));
    await until(async () => (await deliveryOf(engine, session, 'report')).status === 'failed', 'the dead letter');
    const { integration_id: integrationId } = await deliveryOf(engine, session, 'report');
    const scope = { organisationId, kind: 'failed' as const, integrationId, notificationId: null, sessionId: null, since: null, until: await readNow(db) };
    const replay = await createReplay(db, scope);
    await createReplayWorkflows(client, () => true).start(replay);
    const { workflowId } = client.workflow.getHandle(replayWorkflowId(replay.id));
    await client.workflow.getHandle(workflowId).result();
    return { workflowId };
  },

  async 'delivery-cancelled'(engine, receiver) {
    const { handle } = await failingDelivery(engine, receiver, () => ({ status: 503, headers: { 'retry-after': '600' } }));
    await handle.signal('cancel', { reason: 'not wanted' });
    await handle.result();
    return { workflowId: handle.workflowId };
  },

  async 'delivery-that-waits-for-its-turn'(engine, receiver) {
    const rateLimit = { per_second: 0.5, burst: 1 };
    const { handle } = await failingDelivery(engine, receiver, (index) => ({ status: index === 0 ? 500 : 200 }), { rate_limit: rateLimit });
    await handle.result();
    return { workflowId: handle.workflowId };
  },

  async 'delivery-put-off-by-a-pause'(engine, receiver) {
    const answers = [{ status: 500 }, { status: 429, headers: { 'retry-after': '2' } }];
    const { session, handle } = await failingDelivery(engine, receiver, (index) => answers[index] ?? {}, { retry_schedule_s: [1, 1] });
    await session.append(event('asks for a pause', 'Reported'));
    await handle.result();
    return { workflowId: handle.workflowId };
  },

  async 'settling-of-an-answered-question'(engine) {
    const slack = await startSlackStandIn();
    const agent = await engine.agent('asking');
    const integrationId = await engine.integration('slack', { bot_token: 'xoxb-1', signing_secret: 'signing-secret', channel: '#general', api_url: slack.apiUrl });
    await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'ExecutionAwaitingConfirmation' }] } });
    const session = await startSession(engine, { agents: [agent] });
    await session.decided();
    const eventId = await ask(engine, session);
    await session.decided();
    await until(async () => (await deliveryOf(engine, session, eventId)).status === 'delivered', 'the question in Slack');
    await command(engine, session, 'decide', { confirmationId: confirmationId(session.key, eventId), decision: 'approve' });
    await until(async () => (await deliveryOf(engine, session, eventId)).settled_at !== null, 'the answer in Slack');
    const handle = engine.client.workflow.getHandle(settlingWorkflowId((await deliveryOf(engine, session, eventId)).id));
    await handle.result();
    await slack.close();
    return { workflowId: handle.workflowId };
  },
};

/** For an engine whose runs are allowed a short history. */
export const longScenarios: Record<string, Scenario> = {
  async 'session-that-continues-as-new'(engine, receiver) {
    const { session, firstRun } = await longSession(engine, receiver);
    return { workflowId: session.handle.workflowId, runId: firstRun };
  },

  async 'session-paused-over-several-runs'(engine, receiver) {
    const { session, firstRun } = await longSession(engine, receiver);
    await session.append(event('timeouts', 'TimeoutsChanged', {}, { silent: true, effects: { timeouts: { pauseMs: 4000, reminderMs: null } } }));
    await command(engine, session, 'pause');
    const secondRun = (await session.handle.describe()).runId;
    if (secondRun === firstRun) throw new Error('no second run');
    while ((await session.handle.describe()).runId === secondRun) await command(engine, session, 'message', { message: 'Still there?' });
    await until(async () => (await session.view()).state.status === 'cancelled', 'the pause to time out');
    return closed(session);
  },

  async 'session-continued'(engine, receiver) {
    const { session } = await longSession(engine, receiver);
    await session.append(event('end', 'ExecutionCompleted'));
    return closed(session);
  },
};

/** For an engine without a worker, on a server that keeps runs with the version of the workers that began them. */
export const versionedScenarios: Record<string, Scenario> = {
  async 'session-that-moves-to-newer-workers'(engine, receiver) {
    const { session, firstRun } = await movedSession(engine, receiver);
    return { workflowId: session.handle.workflowId, runId: firstRun };
  },

  async 'session-continued-by-newer-workers'(engine, receiver) {
    const { session } = await movedSession(engine, receiver);
    return { workflowId: session.handle.workflowId, runId: (await session.handle.describe()).runId };
  },
};

/** A session that was paused under one version of the workers, and goes on and ends under the next one. */
async function movedSession(engine: Engine, receiver: Receiver): Promise<{ session: EngineSession; firstRun: string }> {
  const name = `herald-${randomUUID()}`;
  const workers = [await startWorkerOf(engine, { name, buildId: 'v1' })];
  await until(() => makeCurrent(engine, { name, buildId: 'v1' }), 'the first version to be the current one');
  const session = await watchedSession(engine, receiver);
  await command(engine, session, 'pause');
  await session.decided();
  const { runId: firstRun } = await session.handle.describe();
  workers.push(await startWorkerOf(engine, { name, buildId: 'v2' }, { pauseMs: 500 }));
  await until(() => makeCurrent(engine, { name, buildId: 'v2' }), 'the second version to be the current one');
  await until(async () => (await session.handle.describe()).runId !== firstRun, 'the session to move');
  await command(engine, session, 'resume');
  await session.append(event('end', 'ExecutionCompleted'));
  await closed(session);
  for (const worker of workers) {
    worker.stop();
    await worker.done;
  }
  return { session, firstRun };
}

/** A session whose agent tells the receiver of everything. */
async function watchedSession(engine: Engine, receiver: Receiver, timeouts: Partial<SessionTimeouts> = {}): Promise<EngineSession> {
  const agent = await engine.agent('refunds');
  await engine.notify(agent.id, await engine.webhook(receiver.url));
  const session = await startSession(engine, { agents: [agent], timeouts });
  await session.decided();
  return session;
}

async function command(engine: Engine, session: EngineSession, name: SessionCommand, payload: JsonObject = {}): Promise<CommandAnswer> {
  const request = { requestId: randomUUID(), command: name, payload, by: 'sarah' };
  return createCommands(engine).run(engine.organisationId, session.id, request);
}

/** Answers with the id of the question's event. */
async function ask(engine: Engine, session: EngineSession): Promise<string> {
  const asked = await command(engine, session, 'ask', { message: 'Refund?' });
  if (asked.outcome !== 'done') throw new Error(asked.outcome);
  return asked.eventId;
}

async function longSession(engine: Engine, receiver: Receiver): Promise<{ session: EngineSession; firstRun: string }> {
  const agent = await engine.agent('long');
  await engine.notify(agent.id, await engine.webhook(receiver.url));
  const session = await startSession(engine, { agents: [agent] });
  await session.decided();
  const { runId: firstRun } = await session.handle.describe();
  for (let index = 0; (await session.handle.describe()).runId === firstRun; index += 1) {
    await session.append(event(`e${index}`));
    await session.decided();
  }
  return { session, firstRun };
}

async function failingDelivery(engine: Engine, receiver: Receiver, behaviour: (index: number) => object, delivery: DeliverySettings = {}) {
  const before = receiver.received.length;
  receiver.behave((_, index) => behaviour(index - before));
  const agent = await engine.agent(`failing ${before}`);
  await engine.notify(agent.id, await engine.webhook(receiver.url, { delivery }), { subscription: { mode: 'custom', rules: [{ event: 'Reported' }] } });
  const session = await startSession(engine, { agents: [agent] });
  await session.append(event('report', 'Reported', { reason: 'timeout' }));
  await until(async () => (await arrivedOf(receiver, session, 1)).length > 0 && (await deliveryOf(engine, session, 'report')).status !== 'pending', 'the first attempt');
  return { session, handle: (await deliveryOf(engine, session, 'report')).handle };
}

async function closed(session: EngineSession): Promise<RecordedRun> {
  const status = async () => (await session.handle.describe()).status.name;
  await until(async () => (await status()) === 'COMPLETED', 'the run to close');
  return { workflowId: session.handle.workflowId, runId: (await session.handle.describe()).runId };
}
