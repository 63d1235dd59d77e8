import { sql } from 'kysely';
import { decodeOutcome } from '../../model/decisions.ts';
import type { ReplayedDelivery } from '../../model/replay.ts';
import type { JsonObject } from '../../model/types.ts';
import type { Db } from '../database.ts';
import { loadRuleSetIds } from '../rules.ts';
import { withoutDelivery } from './candidates.ts';
import type { ReplayScope, SearchPage } from './search.ts';

const A_PAGE = 500;

interface DecidedEvent {
  sessionKey: number;
  seq: number;
  eventId: string;
  eventType: string;
  outcomes: [string, string][];
  at: string;
}

/**
 * What was skipped as `disabled` for an integration, by the time of the decision, the oldest first. Notifications that
 * are still disabled stay unsent: somebody wants them to be.
 */
export async function searchDisabled(db: Db, scope: ReplayScope, position: JsonObject | null): Promise<SearchPage> {
  const after = (position ?? { at: '-infinity', sessionKey: 0, seq: 0 }) as { at: string; sessionKey: number; seq: number };
  const { rows } = await sql<DecidedEvent>`
    select d.session_key as "sessionKey", d.seq, e.event_id as "eventId", e.type as "eventType", d.outcomes,
           to_char(d.decided_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
    from decisions d
    join sessions s on s.key = d.session_key and s.organisation_id = ${scope.organisationId}
    join events e on e.session_key = d.session_key and e.seq = d.seq
    where herald_has_disabled(d.outcomes)
      and d.decided_at >= ${scope.since ?? '-infinity'}::timestamptz and d.decided_at < ${scope.until}
      and (d.decided_at, d.session_key, d.seq) > (${after.at}::timestamptz, ${after.sessionKey}, ${after.seq})
    order by d.decided_at, d.session_key, d.seq limit ${A_PAGE}`.execute(db);
  const last = rows.at(-1);
  return {
    found: await withoutDelivery(db, await skippedOf(db, scope, rows)),
    position: last ? { at: last.at, sessionKey: last.sessionKey, seq: last.seq } : position,
    complete: rows.length < A_PAGE,
  };
}

async function skippedOf(db: Db, scope: ReplayScope, events: DecidedEvent[]): Promise<ReplayedDelivery[]> {
  if (events.length === 0) return [];
  const [ruleSets, targets] = await Promise.all([
    loadRuleSetIds(db, [...new Set(events.flatMap((event) => event.outcomes.map(([id]) => id)))]),
    enabledNotifications(db, scope),
  ]);
  return events.flatMap(({ sessionKey, seq, eventId, eventType, outcomes }) =>
    outcomes.flatMap(([id, code]) => {
      const { notificationIds } = ruleSets.get(id) ?? { notificationIds: [] };
      return decodeOutcome(code).flatMap((outcome, index): ReplayedDelivery[] => {
        const notificationId = notificationIds[index] ?? '';
        const target = outcome === 'disabled' ? targets.get(notificationId) : undefined;
        return target ? [{ sessionKey, seq, eventId, eventType, notificationId, integrationId: scope.integrationId, ...target }] : [];
      });
    }),
  );
}

async function enabledNotifications(db: Db, scope: ReplayScope): Promise<Map<string, { agentId: string; channel: string | null }>> {
  const rows = await db
    .selectFrom('notifications')
    .select(['id', 'agent_id as agentId', 'channel'])
    .where('organisation_id', '=', scope.organisationId)
    .where('integration_id', '=', scope.integrationId)
    .where('enabled', '=', true)
    .$if(scope.notificationId !== null, (query) => query.where('id', '=', scope.notificationId!))
    .execute();
  return new Map(rows.map(({ id, ...target }) => [id, target]));
}
