import { sql } from 'kysely';
import type { DeliveryStatus, JsonObject } from '../model/types.ts';
import type { Db } from './database.ts';
import { newId } from './ids.ts';
import { createdAtOf, isAfter, type Page, pageOf, type PageRequest } from './paging.ts';
import { inTransaction } from './transactions.ts';

export interface Delivery {
  id: string;
  status: DeliveryStatus;
  /** Null for a test message, which belongs to no session. */
  sessionId: string | null;
  seq: number | null;
  eventId: string;
  eventType: string;
  agentId: string | null;
  notificationId: string | null;
  integrationId: string;
  channel: string | null;
  test: boolean;
  attemptCount: number;
  nextAttemptAt: Date | null;
  lastError: string | null;
  createdAt: Date;
  completedAt: Date | null;
}

export interface Attempt {
  number: number;
  startedAt: Date;
  durationMs: number;
  ok: boolean;
  statusCode: number | null;
  error: string | null;
  response: string | null;
  /** The destination answered more than `response`. */
  responseIsCut: boolean;
}

export interface DeliveryFilter {
  status?: DeliveryStatus;
  sessionId?: string;
  agentId?: string;
  integrationId?: string;
  notificationId?: string;
  eventId?: string;
  eventType?: string;
  test?: boolean;
  /** Those of one replay, as far as they exist. */
  replayId?: string;
  createdAfter?: Date;
  createdBefore?: Date;
}

const columns = [
  ['status', 'd.status'],
  ['sessionId', 's.id'],
  ['agentId', 'd.agent_id'],
  ['integrationId', 'd.integration_id'],
  ['notificationId', 'd.notification_id'],
  ['eventId', 'd.event_id'],
  ['eventType', 'd.event_type'],
] as const;

export async function listDeliveries(
  db: Db,
  organisationId: string,
  filter: DeliveryFilter,
  page: PageRequest,
): Promise<Page<Delivery>> {
  let query = selectDeliveries(db, organisationId).select(createdAtOf('d.created_at').as('position'));
  for (const [name, column] of columns) {
    const wanted = filter[name];
    if (wanted !== undefined) query = query.where(sql.ref(column), '=', wanted);
  }
  if (filter.test !== undefined) query = query.where('d.test_event', filter.test ? 'is not' : 'is', null);
  if (filter.replayId !== undefined) query = query.where(sql<boolean>`d.id in (select i.delivery_id from replay_items i where i.replay_id = ${filter.replayId})`);
  if (filter.createdAfter) query = query.where('d.created_at', '>=', filter.createdAfter);
  if (filter.createdBefore) query = query.where('d.created_at', '<', filter.createdBefore);
  if (page.after) query = query.where(isAfter(page.after, 'd.created_at', 'd.id'));
  const rows = await query
    .orderBy('d.created_at', 'desc')
    .orderBy('d.id', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageOf(
    rows,
    page.limit,
    (row): Delivery => row,
    (row) => ({ createdAt: row.position, id: row.id }),
  );
}

/** One delivery with every attempt at it, the first one first. */
export async function readDelivery(
  db: Db,
  organisationId: string,
  id: string,
): Promise<(Delivery & { attempts: Attempt[] }) | undefined> {
  const delivery = await selectDeliveries(db, organisationId).where('d.id', '=', id).executeTakeFirst();
  if (!delivery) return undefined;
  const attempts = await db
    .selectFrom('attempts')
    .select(['number', 'started_at as startedAt', 'duration_ms as durationMs', 'ok', 'status_code as statusCode', 'error', 'response', 'response_cut as responseIsCut'])
    .where('delivery_id', '=', id)
    .orderBy('number')
    .execute();
  return { ...delivery, attempts };
}

/** A message that somebody asked for to see whether it arrives. */
export interface TestDelivery {
  organisationId: string;
  integrationId: string;
  eventType: string;
  /** The example event: what the message says. */
  event: JsonObject;
}

/** Stores a test message, due now: it goes out even when nobody can be told about it. */
export async function createTestDelivery(db: Db, input: TestDelivery): Promise<{ id: string }> {
  const id = newId('dlv');
  await inTransaction(db, (trx) =>
    trx
      .insertInto('deliveries')
      .values({
        id,
        organisation_id: input.organisationId,
        integration_id: input.integrationId,
        event_id: id.replace('dlv_', 'test_'),
        event_type: input.eventType,
        test_event: JSON.stringify(input.event),
        next_attempt_at: sql<string>`now()`,
      })
      .execute(),
  );
  return { id };
}

/**
 * Makes a delivery due now, whatever became of it; its id, and so its `webhook-id`, stays. One that had ended
 * is tried by the whole schedule again.
 * `busy` when somebody is sending it at this moment.
 */
export async function reopenDelivery(db: Db, organisationId: string, id: string): Promise<'due' | 'busy' | 'unknown'> {
  const { numUpdatedRows } = await db
    .updateTable('deliveries')
    .set({
      status: sql`case when status = 'retrying' then status else 'pending' end`,
      next_attempt_at: sql<string>`now()`,
      completed_at: null,
      attempts_before: sql`case when status in ('pending', 'retrying') then attempts_before else attempt_count end`,
      lease_owner: null,
      lease_until: null,
    })
    .where('organisation_id', '=', organisationId)
    .where('id', '=', id)
    .where(sql<boolean>`coalesce(lease_until, '-infinity') <= clock_timestamp()`)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) return 'due';
  return (await readDelivery(db, organisationId, id)) ? 'busy' : 'unknown';
}

/** Ends an open delivery. What is being sent at this moment may still arrive, and keeps its lease until then: nobody may send it beside that. */
export async function cancelDelivery(db: Db, organisationId: string, id: string, reason: string): Promise<'cancelled' | 'closed' | 'unknown'> {
  const { numUpdatedRows } = await db
    .updateTable('deliveries')
    .set({ status: 'cancelled', last_error: reason, completed_at: sql<string>`now()`, next_attempt_at: null })
    .where('organisation_id', '=', organisationId)
    .where('id', '=', id)
    .where('status', 'in', ['pending', 'retrying'])
    .executeTakeFirst();
  if (numUpdatedRows > 0n) return 'cancelled';
  return (await readDelivery(db, organisationId, id)) ? 'closed' : 'unknown';
}

function selectDeliveries(db: Db, organisationId: string) {
  return db
    .selectFrom('deliveries as d')
    .leftJoin('sessions as s', 's.key', 'd.session_key')
    .select([
      'd.id',
      'd.status',
      's.id as sessionId',
      'd.seq',
      'd.event_id as eventId',
      'd.event_type as eventType',
      'd.agent_id as agentId',
      'd.notification_id as notificationId',
      'd.integration_id as integrationId',
      'd.channel',
      'd.attempt_count as attemptCount',
      'd.next_attempt_at as nextAttemptAt',
      'd.last_error as lastError',
      'd.created_at as createdAt',
      'd.completed_at as completedAt',
    ])
    .select(sql<boolean>`d.test_event is not null`.as('test'))
    .where('d.organisation_id', '=', organisationId);
}
