import { sql } from 'kysely';
import type { SessionAgent } from '../../model/types.ts';
import type { Db } from '../database.ts';
import type { ReplayScope } from './search.ts';

/** The name of the agent that stands in where none is named (DESIGN: Agents). */
const DEFAULT_AGENT = 'default';

export interface SearchedSession {
  key: number;
  agents: SessionAgent[];
}

/**
 * The next session, in the order of their keys, that may hold events of an agent and of the time in question. Whose
 * agents a session has is known once its events are decided.
 */
export async function nextSession(db: Db, scope: ReplayScope, agent: { id: string; name: string }, afterKey: number): Promise<SearchedSession | undefined> {
  return db
    .selectFrom('sessions as s')
    .innerJoin('session_progress as p', 'p.session_key', 's.key')
    .select(['s.key', 's.agents'])
    .where('s.organisation_id', '=', scope.organisationId)
    .where('s.key', '>', afterKey)
    .where('s.created_at', '<', scope.until)
    .where(sql<boolean>`(s.agents @> ${JSON.stringify([{ id: agent.id }])}::jsonb or (s.agents = '[]' and ${agent.name === DEFAULT_AGENT}) or p.decided_seq < p.last_seq)`)
    .$if(scope.since !== null, (query) => query.where('p.appended_at', '>=', scope.since!))
    .$if(scope.sessionId !== null, (query) => query.where('s.id', '=', scope.sessionId!))
    .orderBy('s.key')
    .limit(1)
    .executeTakeFirst();
}
