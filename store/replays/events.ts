import type { ReplayedDelivery } from '../../model/replay.ts';
import { decideEvent } from '../../model/rules.ts';
import { applyEvent, initialState, type SessionState } from '../../model/session.ts';
import type { JsonObject, NotificationRule, RuleSet, SessionAgent, SessionEvent } from '../../model/types.ts';
import { findAgent } from '../agents.ts';
import type { Db } from '../database.ts';
import { readNotification } from '../notifications.ts';
import { withoutDelivery } from './candidates.ts';
import type { ReplayScope, SearchPage } from './search.ts';
import { nextSession, type SearchedSession } from './sessions.ts';

/** Events are held in memory so many at a time: each may be a megabyte. */
const SLICE = 25;
/** Sessions looked at for one page at most. */
const SESSIONS = 100;
const EVENTS = 500;

/** A session that the search is in the middle of, with its state after `afterSeq`. */
interface Position {
  sessionKey: number;
  afterSeq: number;
  state: SessionState | null;
}

/**
 * Past events that one notification asks for, session by session. Each session is gone through from its first event,
 * so that an event is judged with the agents and the metadata that held when it happened, by the rules of today.
 */
export async function searchEvents(db: Db, scope: ReplayScope, position: JsonObject | null): Promise<SearchPage> {
  const notification = await readNotification(db, scope.organisationId, scope.notificationId ?? '');
  const agent = notification && (await findAgent(db, scope.organisationId, notification.agentId));
  if (!notification || !agent) return { found: [], position, complete: true };
  const { integrationId, channel } = notification;
  const rule: NotificationRule = { ...notification, enabled: true };
  const ruleSets = new Map<string, RuleSet>([[agent.id, { id: '', agentId: agent.id, version: 0, notifications: [rule] }]]);

  let at = (position ?? { sessionKey: 0, afterSeq: 0, state: null }) as unknown as Position;
  const candidates: ReplayedDelivery[] = [];
  let events = 0;
  for (let sessions = 0; sessions < SESSIONS && events < EVENTS; sessions += 1) {
    const session = await nextSession(db, scope, agent, at.state === null ? at.sessionKey : at.sessionKey - 1);
    if (!session) return pageAt(at, true);
    let state = at.state ?? initialState();
    let afterSeq = at.state === null ? 0 : at.afterSeq;
    let slice: StoredEvent[];
    do {
      slice = await readSlice(db, session.key, afterSeq);
      for (const { event, receivedAt } of slice) {
        const applied = applyEvent(state, event);
        state = applied.state;
        if (!applied.notify || receivedAt >= scope.until || (scope.since && receivedAt < scope.since)) continue;
        const agents = state.agents.length > 0 ? state.agents : standIns(session, agent);
        const decision = decideEvent(event, { agents, metadata: state.metadata }, ruleSets);
        if ('sent' in decision && decision.sent.length > 0) {
          const { seq, id: eventId, type: eventType } = event;
          candidates.push({ sessionKey: session.key, seq, eventId, eventType, agentId: agent.id, notificationId: notification.id, integrationId, channel });
        }
      }
      events += slice.length;
      afterSeq = slice.at(-1)?.event.seq ?? afterSeq;
    } while (slice.length === SLICE && events < EVENTS);
    at = { sessionKey: session.key, afterSeq, state: slice.length === SLICE ? state : null };
  }
  return pageAt(at, false);

  async function pageAt(next: Position, complete: boolean): Promise<SearchPage> {
    return { found: await withoutDelivery(db, candidates), position: next as unknown as JsonObject, complete };
  }
}

/** Who stood for the session before it named an agent: the one it named first, else the organisation's default agent. */
function standIns(session: SearchedSession, agent: { id: string; name: string }): SessionAgent[] {
  return session.agents.length > 0 ? session.agents.slice(0, 1) : [{ id: agent.id, name: agent.name, aliases: [] }];
}

interface StoredEvent {
  event: SessionEvent;
  receivedAt: Date;
}

async function readSlice(db: Db, sessionKey: number, afterSeq: number): Promise<StoredEvent[]> {
  const rows = await db
    .selectFrom('events')
    .select(['seq', 'event_id', 'type', 'agent_ref', 'payload', 'effects', 'silent', 'rules_version', 'occurred_at', 'received_at'])
    .where('session_key', '=', sessionKey)
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(SLICE)
    .execute();
  return rows.map((row) => ({
    receivedAt: row.received_at,
    event: {
      seq: row.seq,
      id: row.event_id,
      type: row.type,
      payload: row.payload,
      ...(row.agent_ref === null ? {} : { agentRef: row.agent_ref }),
      rulesVersion: row.rules_version,
      occurredAt: row.occurred_at.toISOString(),
      ...(row.effects ? { effects: row.effects } : {}),
      ...(row.silent ? { silent: true as const } : {}),
    },
  }));
}
