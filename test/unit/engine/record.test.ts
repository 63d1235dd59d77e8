import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initialState } from '../../../model/session.ts';
import type { AttemptResult } from '../../../model/types.ts';
import { appendEvents } from '../../../store/append.ts';
import { readDelivery } from '../../../store/deliveries.ts';
import { closeDelivery, findOverdueDeliveries, leaseDelivery } from '../../../store/messages.ts';
import { createOrganisation } from '../../../store/organisations.ts';
import { loadProgress } from '../../../store/progress.ts';
import { type Outcome, recordOutcomes, releaseLeases } from '../../../store/outcomes.ts';
import { type DecisionBatch, deliveryId, type NewDelivery, recordDecisions } from '../../../store/record.ts';
import { listDecisions } from '../../../store/sessionLog.ts';
import { createSessionRow } from '../../../store/sessionRow.ts';
import { event } from '../../support/engineSession.ts';
import { createTestDatabase, type TestDatabase, uniqueName } from '../../support/stack.ts';

let database: TestDatabase;
let organisationId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  organisationId = (await createOrganisation(database.db, { name: 'test' })).id;
});
afterAll(() => database?.close());

/** A session with five stored events. */
async function newSession(): Promise<number> {
  const { db } = database;
  const id = uniqueName('session');
  const row = await createSessionRow(db, organisationId, { id, initTimestamp: '2024-03-14T12:00:00Z', details: {}, agents: [] });
  const events = [1, 2, 3, 4, 5].map((number) => event(`e${number}`));
  await db.transaction().execute((trx) => appendEvents(trx, [{ organisationId, sessionId: id, events }]));
  return row!.key;
}

function delivery(sessionKey: number, seq: number, notificationId = 'ntf_1'): NewDelivery {
  const eventId = `e${seq}`;
  const id = deliveryId(sessionKey, eventId, notificationId);
  return { id, seq, eventId, eventType: 'Reported', agentId: 'agt_1', notificationId, integrationId: 'int_1', channel: null };
}

/** A batch that decides some events with one code and sends one message for each. */
function batch(sessionKey: number, seqs: number[], code = 's1', more: Partial<DecisionBatch> = {}): DecisionBatch {
  return {
    organisationId,
    sessionKey,
    toSeq: Math.max(...seqs),
    decisions: seqs.map((seq) => ({ seq, outcomes: [['1', code]] })),
    deliveries: seqs.map((seq) => delivery(sessionKey, seq)),
    lease: { owner: 'worker-1', ms: 60_000 },
    listenMs: 0,
    ...more,
  };
}

const record = async (input: DecisionBatch) => (await recordDecisions(database.db, input))!;
const codes = async (key: number) => {
  const rows = await database.db.selectFrom('decisions').select(['seq', 'outcomes']).where('session_key', '=', key).orderBy('seq').execute();
  return rows.map(({ seq, outcomes }) => `${seq} ${outcomes[0]![1]}`);
};

describe('recording decisions', () => {
  it('stores decisions, deliveries and progress together', async () => {
    const key = await newSession();
    const recorded = await record(batch(key, [1, 2], 's1', { snapshot: { ...initialState(), status: 'running' } }));
    expect(recorded).toMatchObject({ decidedBefore: 0, decidedSeq: 2, lastSeq: 5, created: new Set([delivery(key, 1).id, delivery(key, 2).id]) });
    expect(await codes(key)).toEqual(['1 s1', '2 s1']);
    expect(await loadProgress(database.db, key)).toMatchObject({ decidedSeq: 2, snapshot: { status: 'running' } });
  });

  it('shows the agents that were named after the session began, and takes none away', async () => {
    const key = await newSession();
    const agents = [{ id: 'agt_1', name: 'Researcher', aliases: ['run-1'] }, { id: 'agt_2', name: 'Writer', aliases: [] }];
    const shown = async () => (await database.db.selectFrom('sessions').select('agents').where('key', '=', key).executeTakeFirstOrThrow()).agents;
    await record(batch(key, [1], 's1', { snapshot: { ...initialState(), agents } }));
    expect(await shown()).toEqual(agents);
    await record(batch(key, [2], 's1', { snapshot: { ...initialState(), agents: agents.slice(0, 1) } }));
    expect(await shown()).toEqual(agents);
  });

  it('keeps what was decided first', async () => {
    const key = await newSession();
    await record(batch(key, [1, 2]));
    const second = await record(batch(key, [1, 2], 'e1', { snapshot: { ...initialState(), status: 'failed' } }));
    expect(second).toMatchObject({ decidedBefore: 2, decidedSeq: 2, created: new Set() });
    expect(await codes(key)).toEqual(['1 s1', '2 s1']);
    expect((await loadProgress(database.db, key))?.snapshot).toBeNull();
  });

  it('creates each delivery once when the same batch comes twice at the same time', async () => {
    const key = await newSession();
    const results = await Promise.all([1, 2, 3, 4].map((worker) => record(batch(key, [1, 2, 3], 's1', { lease: { owner: `worker-${worker}`, ms: 60_000 } }))));
    expect(results.map(({ created }) => created.size).toSorted((a, b) => a - b)).toEqual([0, 0, 0, 3]);
    expect((await database.db.selectFrom('deliveries').select('id').where('session_key', '=', key).execute())).toHaveLength(3);
  });

  it('tells the owner of the leases which deliveries it had when the first answer got lost, and nobody else', async () => {
    const key = await newSession();
    await record(batch(key, [1, 2]));
    const again = await record(batch(key, [1, 2]));
    expect(again.leased).toEqual(new Set([delivery(key, 1).id, delivery(key, 2).id]));
    const other = await record(batch(key, [1, 2], 's1', { lease: { owner: 'worker-2', ms: 60_000 } }));
    expect(other.leased).toEqual(new Set());
  });

  it('takes the undecided end of a batch whose beginning somebody else decided', async () => {
    const key = await newSession();
    await record(batch(key, [1, 2, 3]));
    const overlapping = await record(batch(key, [2, 3, 4], 'm1'));
    expect(overlapping).toMatchObject({ decidedBefore: 3, decidedSeq: 4, created: new Set([delivery(key, 4).id]) });
    expect(await codes(key)).toEqual(['1 s1', '2 s1', '3 s1', '4 m1']);
  });

  it('never goes backwards', async () => {
    const key = await newSession();
    await record(batch(key, [1, 2, 3, 4, 5]));
    expect(await record(batch(key, [1, 2]))).toMatchObject({ decidedSeq: 5, created: new Set() });
    expect((await loadProgress(database.db, key))?.decidedSeq).toBe(5);
  });

  it('answers nothing for a session that does not exist', async () => {
    expect(await recordDecisions(database.db, batch(987_654_321, [1]))).toBeUndefined();
  });

  it('can be read back for people', async () => {
    const key = await newSession();
    const { id } = await database.db
      .insertInto('rule_sets')
      .values({ organisation_id: organisationId, agent_id: 'agt_1', digest: Buffer.from(uniqueName('digest')), notification_ids: ['ntf_1', 'ntf_2'] })
      .returning('id')
      .executeTakeFirstOrThrow();
    await record({ ...batch(key, [1]), decisions: [{ seq: 1, outcomes: [[String(id), 's1m1']] }] });
    const { items } = await listDecisions(database.db, key, {}, { limit: 10 });
    expect(items.flat().map((decision) => [decision.notificationId, decision.outcome])).toEqual([['ntf_1', 'sent'], ['ntf_2', 'metadata']]);
  });
});

const arrived: AttemptResult = { ok: true, statusCode: 200, response: 'ok', durationMs: 5 };
const refused: AttemptResult = { ok: false, kind: 'retryable', error: 'answered 503 Service Unavailable', statusCode: 503, response: 'no\u0000', durationMs: 5 };

/** An attempt is told apart by its begin: no two of these begin in the same millisecond. */
let begunAt = Date.now();

function outcome(id: string, result: AttemptResult, more: Partial<Outcome> = {}): Outcome {
  const status = result.ok ? 'delivered' : 'retrying';
  return { deliveryId: id, owner: 'worker-1', startedAt: new Date((begunAt += 1)), result, status, nextAttemptMs: result.ok ? null : 5000, ...more };
}

/** A delivery under lease of worker-1. */
async function leased(ms = 60_000): Promise<string> {
  const key = await newSession();
  await record(batch(key, [1], 's1', { lease: { owner: 'worker-1', ms } }));
  return delivery(key, 1).id;
}

const read = async (id: string) => (await readDelivery(database.db, organisationId, id))!;

describe('recording outcomes', () => {
  it('ends a delivery that arrived', async () => {
    const id = await leased();
    await recordOutcomes(database.db, [outcome(id, arrived)]);
    expect(await read(id)).toMatchObject({ status: 'delivered', attemptCount: 1, completedAt: expect.any(Date), attempts: [{ number: 1, ok: true }] });
  });

  it('plans the next attempt of one that did not', async () => {
    const id = await leased();
    await recordOutcomes(database.db, [outcome(id, refused)]);
    const found = await read(id);
    expect(found).toMatchObject({ status: 'retrying', lastError: 'answered 503 Service Unavailable', completedAt: null, attempts: [{ response: 'no\uFFFD' }] });
    expect(found.nextAttemptAt!.getTime() - Date.now()).toBeGreaterThan(3000);
  });

  it('never overwrites an end, also not from a sender that was frozen', async () => {
    const id = await leased();
    await recordOutcomes(database.db, [outcome(id, arrived)]);
    const { completedAt } = await read(id);
    await recordOutcomes(database.db, [outcome(id, refused)]);
    await recordOutcomes(database.db, [outcome(id, refused, { status: 'failed', nextAttemptMs: null })]);
    expect(await read(id)).toMatchObject({ status: 'delivered', completedAt, lastError: null, nextAttemptAt: null, attemptCount: 3 });
  });

  it('keeps a cancelled delivery cancelled when its message arrives after all', async () => {
    const id = await leased();
    await closeDelivery(database.db, id, 'cancelled', 'not wanted');
    await recordOutcomes(database.db, [outcome(id, arrived)]);
    expect(await read(id)).toMatchObject({ status: 'cancelled', lastError: 'not wanted' });
  });

  it('lets a sender that lost its lease report an arrival, and no failure', async () => {
    const id = await leased(0);
    expect(await leaseDelivery(database.db, id, { owner: 'worker-2', ms: 60_000 })).toMatchObject({ outcome: 'leased' });
    await recordOutcomes(database.db, [outcome(id, refused, { status: 'failed', nextAttemptMs: null })]);
    expect(await read(id)).toMatchObject({ status: 'pending', attemptCount: 1, nextAttemptAt: null });
    expect(await leaseDelivery(database.db, id, { owner: 'worker-3', ms: 60_000 })).toMatchObject({ outcome: 'busy' });
    await recordOutcomes(database.db, [outcome(id, arrived)]);
    expect(await read(id)).toMatchObject({ status: 'delivered', attemptCount: 2 });
  });
});

describe('a lease', () => {
  it('is had by one at a time, and by the next when it has run out', async () => {
    const id = await leased(300);
    const busy = await leaseDelivery(database.db, id, { owner: 'worker-2', ms: 60_000 });
    expect(busy).toEqual({ outcome: 'busy', forMs: expect.any(Number) });
    await new Promise((resolve) => setTimeout(resolve, 320));
    const takers = await Promise.all(['2', '3', '4'].map((worker) => leaseDelivery(database.db, id, { owner: `worker-${worker}`, ms: 60_000 })));
    expect(takers.map(({ outcome: what }) => what).toSorted()).toEqual(['busy', 'busy', 'leased']);
  });

  it('makes its delivery due at once when it is given up', async () => {
    const id = await leased();
    const released = { id, afterMs: 0, hasTurn: false };
    await releaseLeases(database.db, [released], 'worker-2');
    expect(await leaseDelivery(database.db, id, { owner: 'worker-2', ms: 1 })).toMatchObject({ outcome: 'busy' });
    await releaseLeases(database.db, [released], 'worker-1');
    expect(await leaseDelivery(database.db, id, { owner: 'worker-2', ms: 1 })).toMatchObject({ outcome: 'leased', delivery: { attemptCount: 0 } });
  });

  it('is not to be had of a delivery that has ended or never was', async () => {
    const id = await leased();
    await closeDelivery(database.db, id, 'failed', 'gone');
    expect(await leaseDelivery(database.db, id, { owner: 'worker-2', ms: 1 })).toEqual({ outcome: 'closed', status: 'failed' });
    expect(await leaseDelivery(database.db, 'dlv_unknown', { owner: 'worker-2', ms: 1 })).toEqual({ outcome: 'unknown' });
  });

  it('that ran out makes its delivery overdue; a delivery that waits for its next attempt is not', async () => {
    const [dead, waiting, running] = [await leased(0), await leased(), await leased()];
    await recordOutcomes(database.db, [outcome(waiting, refused)]);
    const overdue = await findOverdueDeliveries(database.db, { graceMs: 0 }, { afterId: '', limit: 1000 });
    const ids = overdue.map((found) => found.deliveryId);
    expect(ids).toContain(dead);
    expect(ids).not.toContain(waiting);
    expect(ids).not.toContain(running);
    expect(await findOverdueDeliveries(database.db, { graceMs: 0 }, { afterId: ids.at(-1)!, limit: 1000 })).toEqual([]);
  });
});
