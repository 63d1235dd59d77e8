import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../model/types.ts';
import { type Caller, callerOf } from '../support/caller.ts';
import { createReporter, type Reporter } from './reporter.ts';
import { decided, eventsOf, list, notify, openStage, type PartName, signal, type Stage, until, webhook } from './stage.ts';

const SESSIONS = 10;
const EVENTS = 100;
/** Of one session: forty events a second over all. */
const PAUSE_MS = 250;
/** Every so many events are of the one kind that the second notification is for. */
const CHARGE_EVERY = 10;
/** Seconds after the first event. */
const KILLS: [second: number, parts: PartName[]][] = [[2, ['api']], [5, ['worker']], [9, ['api', 'worker']], [14, ['api']]];
/** A message whose sender was killed is taken up when its lease of 90 s is over. */
const ARRIVAL_MS = 180_000;

describe('API and worker killed with -9 in the middle of 1,000 events', () => {
  const sessions = Array.from({ length: SESSIONS }, (_, index) => `killed-${index}`);
  let stage: Stage;
  let api: Caller;
  let everything: string;
  let charges: string;

  beforeAll(async () => {
    stage = await openStage();
    api = callerOf(stage.herald.url, 'default', stage.herald.apiKey);
    everything = await notify(api, 'shop', webhook(stage, '/everything'));
    const rules = [{ event: 'ExecutionActionStarted', filters: [{ field: 'name', operator: 'equals', value: 'charge_card' }] }];
    charges = await notify(api, 'shop', webhook(stage, '/charges'), { subscription: { mode: 'custom', rules } });
  });
  afterAll(() => stage?.close());

  it('accepts them all from clients that repeat what was not answered', async () => {
    const reporter = createReporter(stage.herald.url);
    await Promise.all([kill(stage), ...sessions.map((id) => report(reporter, stage.herald.apiKey, id))]);
    const { requests, repeated, slowestMs } = reporter.persistence;
    process.stderr.write(`${requests} requests, ${repeated} of them repetitions; the slowest took ${Math.round(slowestMs)} ms\n`);
    expect(repeated).toBeGreaterThan(0);
  });

  it('has decided every accepted event for every notification, by its rules', async () => {
    for (const id of sessions) {
      expect(await decided(api, id, ARRIVAL_MS)).toMatchObject({ status: 'completed' });
      const events = await eventsOf(api, id);
      expect(events.map((event) => event.id)).toEqual([`${id}:started`, ...eventIds(id), `${id}:end`]);
      const decisions = await list(api, `/v1/sessions/${id}/decisions`);
      const told = decisions.map(({ event_id, notification_id, decision, reason }) => [event_id, notification_id, decision, reason ?? 'by its rules'].join(' '));
      const expected = events.flatMap((event) => [
        `${event.id} ${everything} sent by its rules`,
        `${event.id} ${charges} ${chargeIds(id).includes(event.id) ? 'sent by its rules' : skippedBecause(event.type)}`,
      ]);
      expect(told.toSorted()).toEqual(expected.toSorted());
    }
  });

  it('has delivered every message at least once, under one webhook-id for each event', async () => {
    const expected = sessions.flatMap((id) => [
      ...[`${id}:started`, ...eventIds(id), `${id}:end`].map((event) => `/everything ${id} ${event}`),
      ...chargeIds(id).map((event) => `/charges ${id} ${event}`),
    ]);
    const messageOf = ({ path, json }: (typeof stage.receiver.received)[number]) => {
      const { event_id, info } = json as { event_id: string; info: { execution_id: string } };
      return `${path} ${info.execution_id} ${event_id}`;
    };
    const missing = () => {
      const arrived = new Set(stage.receiver.received.map(messageOf));
      return expected.filter((message) => !arrived.has(message));
    };
    await until('every message has arrived', ARRIVAL_MS, () => missing().length === 0 || undefined).catch(() => expect(missing()).toEqual([]));

    const idsOf = Map.groupBy(stage.receiver.received, messageOf);
    expect([...idsOf.keys()].toSorted()).toEqual(expected.toSorted());
    const webhookIds = [...idsOf.values()].map((requests) => [...new Set(requests.map((request) => request.id))]);
    expect(webhookIds.filter((ids) => ids.length !== 1)).toEqual([]);
    expect(new Set(webhookIds.flat()).size).toBe(expected.length);
    const repeated = stage.receiver.received.length - expected.length;
    process.stderr.write(`${expected.length} messages arrived, ${repeated} of them more than once\n`);
  });
});

/** One session from its first to its last call, at a steady rate. */
async function report(reporter: Reporter, key: string, id: string): Promise<void> {
  const now = () => new Date().toISOString();
  const session = { id, init_timestamp: now(), agent_name: 'shop' };
  const { jwt } = (await reporter.post('/v2/create_session', { session }, { 'x-agentops-api-key': key })) as { jwt: string };
  const headers = { authorization: `Bearer ${jwt}` };
  for (const event of eventIds(id)) {
    const name = chargeIds(id).includes(event) ? 'charge_card' : 'look_up_order';
    const body: JsonObject = { events: [{ id: event, type: 'tool', name, init_timestamp: now() }] };
    await Promise.all([reporter.post('/v2/create_events', body, headers), sleep(PAUSE_MS)]);
  }
  await reporter.post('/v2/update_session', { session: { id, end_timestamp: now(), end_state: 'Success' } }, headers);
}

async function kill(stage: Stage): Promise<void> {
  const startedAt = Date.now();
  for (const [second, parts] of KILLS) {
    await sleep(Math.max(0, startedAt + second * 1000 - Date.now()));
    await Promise.all(parts.map((part) => signal(stage, part, 'SIGKILL')));
  }
}

function eventIds(sessionId: string): string[] {
  return Array.from({ length: EVENTS }, (_, index) => `${sessionId}-event-${index}`);
}

function chargeIds(sessionId: string): string[] {
  return eventIds(sessionId).filter((_, index) => index % CHARGE_EVERY === 0);
}

function skippedBecause(eventType: unknown): string {
  return `skipped ${eventType === 'ExecutionActionStarted' ? 'field_filter' : 'event_type'}`;
}
