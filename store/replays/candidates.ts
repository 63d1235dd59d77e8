import { sql } from 'kysely';
import type { ReplayedDelivery } from '../../model/replay.ts';
import type { Db } from '../database.ts';
import { deliveryId } from '../record.ts';
import type { FoundItem } from './search.ts';

/** Those whose event has not reached their destination: no delivery of it exists, through whichever notification. */
export async function withoutDelivery(db: Db, candidates: ReplayedDelivery[]): Promise<FoundItem[]> {
  if (candidates.length === 0) return [];
  const { rows } = await sql<{ sessionKey: number; seq: number; integrationId: string; channel: string | null }>`
    select d.session_key as "sessionKey", d.seq, d.integration_id as "integrationId", d.channel
    from deliveries d
    join (select distinct * from unnest(${candidates.map((each) => each.sessionKey)}::bigint[], ${candidates.map((each) => each.seq)}::bigint[]))
      as w (session_key, seq) on d.session_key = w.session_key and d.seq = w.seq`.execute(db);
  const reached = new Set(rows.map(placeOf));
  const found: FoundItem[] = [];
  for (const candidate of candidates) {
    const place = placeOf(candidate);
    if (reached.has(place)) continue;
    reached.add(place);
    const { sessionKey, eventId, notificationId } = candidate;
    found.push({ deliveryId: deliveryId(sessionKey, eventId, notificationId), newDelivery: candidate });
  }
  return found;
}

/** Equal for messages about one event to one place: only one of them is sent (model/rules.ts). */
function placeOf(message: Pick<ReplayedDelivery, 'sessionKey' | 'seq' | 'integrationId' | 'channel'>): string {
  return JSON.stringify([message.sessionKey, message.seq, message.integrationId, message.channel]);
}
