import type { Logger } from 'pino';
import { LRUCache } from 'lru-cache';
import { mayMatch } from '../model/rules.ts';
import { isStatusEvent } from '../model/session.ts';
import type { RuleSet, SessionEvent } from '../model/types.ts';
import type { SessionLock } from '../store/append.ts';
import type { Db } from '../store/database.ts';
import { loadRuleSets } from '../store/rules.ts';

/** Asks the rules in advance: whether a message may come of an event. Only a hint; the session's workflow decides. */
export interface RuleHints {
  /** False only when no rule known here could send anything for these events. */
  isUrgent(session: SessionLock, events: SessionEvent[]): boolean;
  /** The rules of the session's agents, when all are known at the events' version. */
  known(session: SessionLock): RuleSet[] | undefined;
}

export function createRuleHints(db: Db, log: Logger): RuleHints {
  const ruleSets = new LRUCache<string, RuleSet>({ max: 5000 });
  const loading = new Set<string>();

  function current(session: SessionLock): RuleSet[] | undefined {
    const sets = session.agents.map((agent) => ruleSets.get(agent.id));
    const fresh = sets.filter((set) => set !== undefined && set.version >= session.rulesVersion) as RuleSet[];
    if (fresh.length === sets.length) return fresh;
    void load(session);
    return undefined;
  }

  async function load(session: SessionLock): Promise<void> {
    const ids = session.agents.map((agent) => agent.id).filter((id) => !loading.has(id));
    if (ids.length === 0) return;
    for (const id of ids) loading.add(id);
    try {
      for (const set of await loadRuleSets(db, session.organisationId, ids)) ruleSets.set(set.agentId, set);
    } catch (error) {
      log.warn({ err: error }, 'rules could not be read in advance');
    } finally {
      for (const id of ids) loading.delete(id);
    }
  }

  return {
    known: current,
    isUrgent(session, events) {
      // A workflow may be waiting for an agent; that of a new session, whose first event this is, is not running yet.
      if (events.some((event) => event.effects?.agents && event.seq > 1)) return true;
      // Who else should judge but the default agent, later? The first event may wait: an agent is often named right after it.
      if (session.agents.length === 0) return events.some((event) => event.type !== 'ExecutionStarted');
      // Somebody may wait for the session's new status.
      if (events.some((event) => event.type !== 'ExecutionStarted' && isStatusEvent(event.type))) return true;
      const sets = current(session);
      if (!sets) return true;
      return events.some((event) => !event.silent && sets.some((set) => mayMatch(set.notifications, event)));
    },
  };
}
