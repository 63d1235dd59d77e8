import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTemporalClient } from '../../temporal/connect.ts';
import { createWorkflows } from '../../temporal/workflows.ts';
import type { DecisionNote } from '../../workflows/decisionNotes.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, deliveryOf, event, startSession, until } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

let engine: Engine;
let receiver: Receiver;

beforeAll(async () => {
  [engine, receiver] = await Promise.all([startEngine(), startReceiver()]);
});
afterAll(async () => {
  await engine?.close();
  await receiver?.close();
});

interface Metadata {
  currentDetails?: string;
}

/** What the Temporal UI shows under "Current details". */
async function currentDetails(handle: { query: <T>(name: string) => Promise<T> }): Promise<string> {
  return (await handle.query<Metadata>('__temporal_workflow_metadata')).currentDetails ?? '';
}

/** Summaries of a run's activities, as the Temporal UI shows them beside their names. */
async function activitySummaries(handle: { fetchHistory: () => Promise<{ events?: { userMetadata?: { summary?: { data?: Uint8Array | null } | null } | null; activityTaskScheduledEventAttributes?: unknown }[] | null }> }): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ userMetadata, activityTaskScheduledEventAttributes }) =>
    activityTaskScheduledEventAttributes && userMetadata?.summary?.data ? [JSON.parse(Buffer.from(userMetadata.summary.data).toString()) as string] : [],
  );
}

async function failingSession(answer: number) {
  const agent = await engine.agent(uniqueName('Order agent'));
  receiver.behave({ status: answer });
  const integrationId = await engine.webhook(receiver.url, { name: 'On-call' });
  await engine.notify(agent.id, integrationId, { subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] } });
  await engine.notify(agent.id, integrationId, { metadataFilter: { environment: 'production' } });
  const session = await startSession(engine, { agents: [agent] });
  await session.append(event('step', 'ExecutionStepStarted'), event('failed', 'ExecutionFailed', { reason: 'Payment gateway timeout' }));
  await arrivedOf(receiver, session, 1);
  await session.decided();
  return { agent, session };
}

describe('a run in the Temporal UI', () => {
  it('says how the session stands, what came last, what was sent, and what it waits for', async () => {
    const { agent, session } = await failingSession(200);
    await until(async () => (await currentDetails(session.handle)).includes('delivered'), 'the details');
    const details = await currentDetails(session.handle);
    expect(details).toContain(`**Session** ${session.id}`);
    expect(details).toContain(`**Agent** ${agent.name.replaceAll('_', ' ')}`);
    expect(details).toContain('**Status** failed');
    expect(details).toContain('**Last event** Execution Failed');
    expect(details).toContain('**Messages** 1 sent; 2 events matched no notification');
    expect(details).toContain('**Waits for** late events, then closes');
    expect(details).toMatch(/- Execution Failed \(event 3\) to .*: delivered/);
  });

  it('names destination and event beside its activities', async () => {
    const { session } = await failingSession(200);
    expect(await activitySummaries(session.handle)).toContainEqual(expect.stringMatching(/On-call.*: Execution Failed/));
  });

  it('answers the query decisions with what was sent and why the rest was not', async () => {
    const { session } = await failingSession(200);
    await expect.poll(async () => (await session.handle.query<DecisionNote[]>('decisions')).at(-1)?.event).toBe('ExecutionFailed');
    const notes = await session.handle.query<DecisionNote[]>('decisions');
    expect(notes.map(({ sent, skipped, ...rest }) => ({ ...rest, sent: sent.length, skipped }))).toEqual([
      { seq: 1, event: 'ExecutionStarted', sent: 0, skipped: { event_type: 1, metadata: 1 } },
      { seq: 2, event: 'ExecutionStepStarted', sent: 0, skipped: { event_type: 1, metadata: 1 } },
      { seq: 3, event: 'ExecutionFailed', sent: 1, skipped: { metadata: 1 } },
    ]);
    expect(notes.at(-1)?.sent[0]).toContain('On-call');
  });

  it('says of a delivery which attempt it makes, to whom, and what went wrong', async () => {
    const { session } = await failingSession(503);
    await until(async () => (await deliveryOf(engine, session, 'failed')).status === 'failed', 'the last attempt');
    const { handle } = await deliveryOf(engine, session, 'failed');
    await handle.result();
    const summaries = await activitySummaries(handle);
    expect(summaries[0]).toMatch(/^Execution Failed, attempt 2$/);
    expect(summaries[1]).toMatch(/^.*127\.0\.0\.1.*: Execution Failed, attempt 3$/);
    expect(await currentDetails(handle)).toContain('The delivery is failed');
  });

  it('tells what it is for before anything has happened in it', async () => {
    const { session } = await failingSession(200);
    const { raw } = await session.handle.describe();
    const { summary, details } = raw.executionConfig?.userMetadata ?? {};
    expect(JSON.parse(Buffer.from(summary?.data ?? []).toString())).toBe(`Session ${session.id}`);
    expect(JSON.parse(Buffer.from(details?.data ?? []).toString())).toContain('Paused, silent or waiting is no fault');
  });
});

describe('on a cluster that refuses search attributes', () => {
  it('sessions run without them', async () => {
    const client = openTemporalClient(engine.settings.temporal);
    const without = createWorkflows(client, () => false);
    const agent = await engine.agent(uniqueName('agent'));
    const session = await startSession(engine, { agents: [agent] });
    await session.decided();
    await session.handle.terminate();
    await without.signalSession({ organisationId: engine.organisationId, sessionId: session.id, sessionKey: session.key }, { lastSeq: 2, events: [] });
    const { searchAttributes, memo } = await session.handle.describe();
    expect(searchAttributes).not.toHaveProperty('HeraldSession');
    expect(memo).toMatchObject({ session: session.id });
    await client.connection.close();
  });
});
