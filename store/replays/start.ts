import { sql } from 'kysely';
import type { ReplayedDelivery } from '../../model/replay.ts';
import type { Db } from '../database.ts';
import type { FoundItem } from './search.ts';

/** A delivery whose workflow is to run. */
export interface StartedItem {
  deliveryId: string;
  integrationId: string;
  eventType: string;
}

/** Adds what was found to the list of a replay; what is on it already stays as it is. Answers how many are new. */
export async function addItems(trx: Db, replayId: string, found: FoundItem[], firstOrdinal: number): Promise<number> {
  if (found.length === 0) return 0;
  const { numAffectedRows = 0n } = await sql`
    insert into replay_items (replay_id, delivery_id, ordinal, new_delivery)
    select ${replayId}, w.id, ${firstOrdinal} + w.number, w.new_delivery
    from unnest(${found.map((item) => item.deliveryId)}::text[],
                ${found.map((item) => (item.newDelivery ? JSON.stringify(item.newDelivery) : null))}::json[])
      with ordinality as w (id, new_delivery, number)
    on conflict do nothing`.execute(trx);
  return Number(numAffectedRows);
}

/**
 * Makes the next deliveries of a replay due. A dead letter is opened again under its id, a new delivery stored under the
 * id that follows from event and notification. One that somebody else has opened meanwhile is joined; one that needs
 * nothing any more is skipped. So two replays of the same messages send each of them once.
 */
export async function startItems(trx: Db, replay: { id: string; organisationId: string }, room: number): Promise<{ started: StartedItem[]; skipped: number }> {
  const items = await trx
    .selectFrom('replay_items')
    .select(['delivery_id as deliveryId', 'new_delivery as newDelivery'])
    .where('replay_id', '=', replay.id)
    .where('state', '=', 'waiting')
    .orderBy('ordinal')
    .limit(room)
    .execute();
  if (items.length === 0) return { started: [], skipped: 0 };
  await createDeliveries(trx, replay.organisationId, items);
  await reopenDeadLetters(trx, items.filter((item) => item.newDelivery === null).map((item) => item.deliveryId));
  // A statement of its own: it sees what other replays committed while the ones above waited for them.
  const { rows: started } = await sql<StartedItem>`
    select id as "deliveryId", integration_id as "integrationId", event_type as "eventType" from deliveries
    where id = any(${items.map((item) => item.deliveryId)}::text[]) and status in ('pending', 'retrying')`.execute(trx);
  await sql`
    update replay_items
    set state = case when delivery_id = any(${started.map((item) => item.deliveryId)}::text[]) then 'started' else 'skipped' end
    where replay_id = ${replay.id} and delivery_id = any(${items.map((item) => item.deliveryId)}::text[])`.execute(trx);
  return { started, skipped: items.length - started.length };
}

async function createDeliveries(trx: Db, organisationId: string, items: FoundItem[]): Promise<void> {
  const wanted = items.filter((item): item is { deliveryId: string; newDelivery: ReplayedDelivery } => item.newDelivery !== null);
  if (wanted.length === 0) return;
  await trx
    .insertInto('deliveries')
    .values(
      wanted.map(({ deliveryId, newDelivery }) => ({
        id: deliveryId,
        organisation_id: organisationId,
        session_key: newDelivery.sessionKey,
        seq: newDelivery.seq,
        event_id: newDelivery.eventId,
        event_type: newDelivery.eventType,
        agent_id: newDelivery.agentId,
        notification_id: newDelivery.notificationId,
        integration_id: newDelivery.integrationId,
        channel: newDelivery.channel,
        next_attempt_at: sql<string>`clock_timestamp()`,
      })),
    )
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

/** In the order of their ids, so that two replays that meet wait for each other and do not block each other. */
async function reopenDeadLetters(trx: Db, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    update deliveries d
    set status = 'pending', next_attempt_at = clock_timestamp(), completed_at = null, lease_owner = null, lease_until = null,
        attempts_before = d.attempt_count
    from (select id from deliveries where id = any(${ids}::text[]) and status = 'failed' order by id for update) as dead
    where d.id = dead.id and d.status = 'failed'`.execute(trx);
}
