import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { sql } from 'kysely';
import type { NewEvent } from '../../api/ingest.ts';
import { deliveryWorkflowId, sessionWorkflowId } from '../../model/naming.ts';
import type { SessionTimeouts } from '../../model/timeouts.ts';
import type { JsonObject, SessionEffects } from '../../model/types.ts';
import { listDecisions } from '../../store/sessionLog.ts';
import type { SessionView } from '../../workflows/messages.ts';
import type { Engine } from './engineOn.ts';
import type { Receiver } from './receiver.ts';

/** A session of an engine under test. */
export interface EngineSession {
  id: string;
  key: number;
  /** The session's workflow, whichever run is the last. */
  handle: WorkflowHandle;
  /** Appends events through the ingest. */
  append(...events: NewEvent[]): Promise<void>;
  /** Waits until every stored event is decided. */
  decided(): Promise<void>;
  /** `event → notification: outcome`, oldest event first. */
  decisions(): Promise<{ event: string; type: string; notification: string; outcome: string }[]>;
  view(): Promise<SessionView>;
}

/** Creates a session; the agents are known from the start. */
export async function startSession(
  engine: Engine,
  options: { id?: string; agents?: { id: string; name: string; alias?: string }[]; metadata?: Record<string, string>; timeouts?: Partial<SessionTimeouts> } = {},
): Promise<EngineSession> {
  const id = options.id ?? `session-${randomUUID()}`;
  const { agents = [], metadata, timeouts } = options;
  await engine.ingest.createSession(engine.organisationId, {
    id,
    initTimestamp: '2024-03-14T12:00:00.000Z',
    details: {},
    agents,
    ...(metadata ? { metadata } : {}),
    ...(timeouts ? { timeouts } : {}),
  });
  return sessionOf(engine, id);
}

export async function sessionOf(engine: Engine, id: string): Promise<EngineSession> {
  const { db, organisationId, client } = engine;
  const { key } = await db.selectFrom('sessions').select('key').where('id', '=', id).executeTakeFirstOrThrow();
  const handle = client.workflow.getHandle(sessionWorkflowId(organisationId, id));
  return {
    id,
    key,
    handle,
    async append(...events) {
      const answer = await engine.ingest.appendEvents(organisationId, id, events);
      if (answer.outcome !== 'appended') throw new Error(answer.outcome);
    },
    async decided() {
      await until(async () => {
        const { rows } = await sql<{ left: number }>`
          select last_seq - decided_seq as left from session_progress where session_key = ${key}`.execute(db);
        return rows[0]?.left === 0;
      }, 'every event to be decided');
    },
    async decisions() {
      const { items } = await listDecisions(db, key, {}, { limit: 10_000 });
      return items
        .toReversed()
        .flat()
        .map(({ eventId, eventType, notificationId, outcome }) => ({ event: eventId, type: eventType, notification: notificationId, outcome }));
    },
    view: () => handle.query<SessionView>('state'),
  };
}

/** An event of a session, told apart by its id. */
export function event(id: string, type = 'Reported', payload: JsonObject = {}, more: Partial<NewEvent> = {}): NewEvent {
  return { id, type, payload, occurredAt: '2024-03-14T12:00:01.000Z', ...more };
}

/** The silent record that names an agent, as create_agent makes it. */
export function agentNamed(agent: { id: string; name: string }, alias?: string): NewEvent {
  const effects: SessionEffects = { agents: [{ id: agent.id, name: agent.name, ...(alias ? { alias } : {}) }] };
  return event(`agent:${alias ?? agent.id}`, 'AgentRegistered', {}, { silent: true, effects });
}

/** The delivery of one event, to one integration where there are several, with its workflow. */
export async function deliveryOf(engine: Engine, session: EngineSession, eventId: string, integrationId?: string) {
  const row = await engine.db
    .selectFrom('deliveries')
    .selectAll()
    .where('session_key', '=', session.key)
    .where('event_id', '=', eventId)
    .$if(integrationId !== undefined, (query) => query.where('integration_id', '=', integrationId!))
    .executeTakeFirstOrThrow();
  return { ...row, handle: engine.client.workflow.getHandle(deliveryWorkflowId(row.id)) };
}

/** What a webhook of Herald carries, as far as these tests look. */
export interface WebhookBody {
  event_id: string;
  info: { event: string; execution_id: string; agent_name: string; payload: JsonObject; metadata: Record<string, string> };
}

/** Messages about a session in the order of their arrival, once there are at least `count`. */
export async function arrivedOf(receiver: Receiver, session: { id: string }, count: number): Promise<(WebhookBody & { id: string; sequence: number })[]> {
  const ofSession = () =>
    receiver.received
      .map(({ json, id, headers }) => ({ ...(json as unknown as WebhookBody), id, sequence: Number(headers['herald-sequence']) }))
      .filter(({ info }) => info.execution_id === session.id);
  await receiver.waitFor(() => ofSession().length >= count, 25_000);
  return ofSession();
}

/** Waits until something holds. @throws Error that says what was waited for. */
export async function until(holds: () => Promise<boolean>, what: string, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a workflow's last run has cost and whether its code ever failed. */
export async function historyOf(handle: WorkflowHandle): Promise<{ events: number; size: number; failedTasks: number }> {
  const { events = [] } = await handle.fetchHistory();
  const { historySize = 0 } = await handle.describe();
  return {
    events: events?.length ?? 0,
    size: historySize,
    failedTasks: (events ?? []).filter(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes).length,
  };
}
