import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCommands } from '../../api/commands.ts';
import type { SessionCommand } from '../../model/session.ts';
import type { SessionTimeouts } from '../../model/timeouts.ts';
import type { JsonObject } from '../../model/types.ts';
import { confirmationId } from '../../store/confirmations.ts';
import { openTemporalClient } from '../../temporal/connect.ts';
import { createWorkflows } from '../../temporal/workflows.ts';
import type { DecisionNote } from '../../workflows/decisionNotes.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { arrivedOf, deliveryOf, type EngineSession, event, startSession, until } from '../support/engineSession.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { uniqueName } from '../support/stack.ts';

const HOUR_MS = 3_600_000;

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

describe('a session that waits, in the Temporal UI', () => {
  const waitsForOf = async ({ handle }: EngineSession) => (await handle.describe()).memo?.waits_for;

  async function waitingSession(command: SessionCommand, timeouts: Partial<SessionTimeouts>) {
    const session = await startSession(engine, { agents: [await engine.agent(uniqueName('agent'))], timeouts });
    await session.decided();
    const send = (name: SessionCommand, payload: JsonObject = {}) =>
      createCommands(engine).run(engine.organisationId, session.id, { requestId: uniqueName('request'), command: name, payload, by: 'sarah' });
    const answer = await send(command, { message: 'Refund?' });
    if (answer.outcome !== 'done') throw new Error(answer.outcome);
    await session.decided();
    const { received_at: since } = await engine.db.selectFrom('events').select('received_at').where('session_key', '=', session.key).where('seq', '=', answer.seq).executeTakeFirstOrThrow();
    return { session, send, asked: confirmationId(session.key, answer.eventId), since: since.getTime() };
  }

  it('says until when somebody may resume it, and no longer once it goes on', async () => {
    const { session, send, since } = await waitingSession('pause', { pauseMs: HOUR_MS });
    const waitsFor = `somebody to resume it, until ${instant(since + HOUR_MS)}; then the session is cancelled`;
    await expect.poll(() => currentDetails(session.handle)).toContain(`**Waits for** ${waitsFor}`);
    await expect.poll(() => waitsForOf(session)).toBe(waitsFor);
    expect((await send('resume')).outcome).toBe('done');
    await expect.poll(() => currentDetails(session.handle)).toContain('**Waits for** the next event');
    await expect.poll(() => waitsForOf(session)).toBeFalsy();
  });

  it('says that somebody may resume it for ever', async () => {
    const { session } = await waitingSession('pause', { pauseMs: null });
    await expect.poll(() => currentDetails(session.handle)).toMatch(/\*\*Waits for\*\* somebody to resume it$/m);
    await expect.poll(() => waitsForOf(session)).toBe('somebody to resume it');
  });

  it('says until when a person may answer and what happens then, and no longer once it is answered', async () => {
    const { session, send, asked, since } = await waitingSession('ask', { confirmationMs: HOUR_MS, onConfirmationTimeout: 'approve' });
    const waitsFor = `an answer: approve or reject, until ${instant(since + HOUR_MS)}; then it is approved`;
    await expect.poll(() => currentDetails(session.handle)).toContain(`**Waits for** ${waitsFor}`);
    await expect.poll(() => waitsForOf(session)).toBe(waitsFor);
    expect((await send('decide', { confirmationId: asked, decision: 'reject' })).outcome).toBe('done');
    await expect.poll(() => currentDetails(session.handle)).toContain('**Waits for** the next event');
    await expect.poll(() => waitsForOf(session)).toBeFalsy();
  });

  function instant(ms: number): string {
    return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  }
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
