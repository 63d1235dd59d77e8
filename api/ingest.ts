import type { Logger } from 'pino';
import { reportedEventId } from '../model/eventIds.ts';
import type { SessionTimeouts } from '../model/timeouts.ts';
import type { JsonObject, SessionAgent } from '../model/types.ts';
import { appendEvents, type Appended, lockSessions, type NewEvent, type SessionLock } from '../store/append.ts';
import type { Db } from '../store/database.ts';
import { createSessionRow, loadLockedSession, type LockedSession, type SessionUpdate, updateSessionRow } from '../store/sessionRow.ts';
import { isUnavailable } from '../store/unavailable.ts';
import type { Workflows } from '../temporal/workflows.ts';
import { createDispatcher } from './dispatcher.ts';
import { createGroupCommit, OverloadedError } from './groupCommit.ts';
import { requireFittingMetadata } from './limits.ts';
import { createPressure } from './pressure.ts';
import { createRuleHints } from './ruleHints.ts';
import { createSessionNews } from './sessionNews.ts';

export type { NewEvent } from '../store/append.ts';
export type { LockedSession, SessionUpdate } from '../store/sessionRow.ts';
export { OverloadedError } from './groupCommit.ts';

export type AppendAnswer = { outcome: 'appended'; stored: number; duplicates: number } | { outcome: 'no_session' };

export interface NewSession {
  id: string;
  /** ISO 8601, UTC. */
  initTimestamp: string;
  tags?: string[];
  /** Pairs from tags and from the session's own metadata. */
  metadata?: Record<string, string>;
  details: JsonObject;
  agents: { id: string; name: string; alias?: string }[];
  /** They win over the organisation's. */
  timeouts?: Partial<SessionTimeouts>;
  /** The reporter gave `initTimestamp` itself. */
  datedByReporter?: boolean;
}

/** What the routes store events with. When a call has answered, what it took is durable and its workflow will learn of it. */
export interface Ingest {
  /**
   * Appends events to a session; ids that are stored already are skipped.
   * @throws {OverloadedError} when the database did not take them in time.
   */
  appendEvents(organisationId: string, sessionId: string, events: NewEvent[]): Promise<AppendAnswer>;
  /** Creates a session with its ExecutionStarted, or fills what an existing one lacks. */
  createSession(organisationId: string, session: NewSession): Promise<{ created: boolean }>;
  /** Locks a session, lets `change` say what becomes of it, and stores that. An exception from `change` stores nothing. */
  changeSession<T>(organisationId: string, sessionId: string, change: ChangeSession<T>): Promise<T | 'no_session'>;
  /** What waits for Postgres in this process. */
  backlog(): { requests: number; oldestMs: number };
}

export type ChangeSession<T> = (
  session: LockedSession,
  trx: Db,
) => Promise<{ answer: T; events?: NewEvent[]; update?: SessionUpdate }>;

export interface RunningIngest extends Ingest {
  /** Hands over what can be handed over within `ms`; the relay finds the rest. */
  close(ms: number): Promise<void>;
}

/** A request waits this long for a database that is away. */
const PATIENCE_MS = 15_000;
const RETRY_MS = 250;

export function createIngest(deps: { db: Db; workflows: Workflows; log: Logger }): RunningIngest {
  const { db, log } = deps;
  const groups = createGroupCommit(db, log);
  const news = createSessionNews(db);
  const dispatcher = createDispatcher(deps.workflows, news, createRuleHints(db, log), log);
  const pressure = createPressure((isPressing) => {
    dispatcher.setPressed(isPressing);
    void news.announcePressure(isPressing).catch((error: unknown) => {
      log.warn({ err: error, isPressing }, 'workers could not be told of a burst of requests; they go on as ever');
    });
  });

  /** Runs a transaction of its own; everything in it is idempotent, so it may run again when its end is unknown. */
  async function patiently<T>(work: (trx: Db) => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await db.transaction().execute(work);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        if (performance.now() > giveUpAt) throw new OverloadedError({ mayBeStored: true });
        log.warn({ err: error }, 'Postgres does not answer; waiting');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async function append(trx: Db, lock: SessionLock, events: NewEvent[]): Promise<Appended | undefined> {
    if (events.length === 0) return undefined;
    const [appended] = await appendEvents(trx, [{ organisationId: lock.organisationId, sessionId: lock.id, events: events.map(reported) }]);
    return appended?.outcome === 'appended' ? appended : undefined;
  }

  function announce(appended: Appended | undefined): void {
    if (appended && appended.events.length > 0) dispatcher.announce(appended);
  }

  async function change<T>(organisationId: string, sessionId: string, decide: ChangeSession<T>): Promise<T | 'no_session'> {
    const outcome = await patiently(async (trx) => {
      const locks = await lockSessions(trx, [{ organisationId, sessionId }]);
      const lock = [...locks.values()][0];
      if (!lock) return 'no_session' as const;
      const { answer, events, update } = await decide(await loadLockedSession(trx, lock.key), trx);
      if (update) await updateSessionRow(trx, lock.key, update);
      return { answer, appended: await append(trx, lock, events ?? []) };
    });
    if (outcome === 'no_session') return outcome;
    announce(outcome.appended);
    return outcome.answer;
  }

  return {
    backlog: () => groups.backlog(),
    close(ms) {
      pressure.stop();
      return dispatcher.close(ms);
    },
    changeSession: change,

    async appendEvents(organisationId, sessionId, events) {
      const request = { organisationId, sessionId, events: events.map(reported) };
      const notice = dispatcher.noticeFor(request);
      const stored = pressure.begin();
      const result = await groups.append(notice === undefined ? request : { ...request, notice }).finally(stored);
      if (result.outcome === 'no_session') return result;
      announce(result);
      return { outcome: 'appended', stored: result.events.length, duplicates: result.duplicates };
    },

    async createSession(organisationId, session) {
      requireFittingMetadata(session.metadata ?? {});
      const created = await patiently(async (trx) => {
        const row = await createSessionRow(trx, organisationId, session);
        if (!row) return undefined;
        const lock = [...(await lockSessions(trx, [{ organisationId, sessionId: session.id }])).values()][0]!;
        return append(trx, lock, [started(session, row.timeouts)]);
      });
      announce(created);
      if (created) return { created: true };
      await change(organisationId, session.id, async (existing) => fillAbsent(existing, session));
      return { created: false };
    },
  };
}

/** Whatever is reported is told from what commands and time-outs become. Ids of sessions are the reporter's as well. */
function reported(event: NewEvent): NewEvent {
  const id = reportedEventId(event.id);
  return id === event.id ? event : { ...event, id };
}

function started(session: NewSession, timeouts: Partial<SessionTimeouts>): NewEvent {
  return {
    id: `${session.id}:started`,
    type: 'ExecutionStarted',
    payload: { ...session.details, ...(session.tags ? { tags: session.tags } : {}) },
    occurredAt: session.initTimestamp,
    effects: {
      ...(session.agents.length > 0 ? { agents: session.agents } : {}),
      ...(session.metadata && Object.keys(session.metadata).length > 0 ? { metadata: session.metadata } : {}),
      ...(session.datedByReporter ? { datedByReporter: true as const } : {}),
      ...(Object.keys(timeouts).length > 0 ? { timeouts } : {}),
    },
  };
}

/** A repeated create_session fills what is absent, changes nothing that is there, and emits nothing. */
async function fillAbsent(
  existing: LockedSession,
  again: NewSession,
): Promise<{ answer: true; events: NewEvent[]; update: SessionUpdate }> {
  const metadata = absentIn(existing.metadata, again.metadata ?? {});
  if (Object.keys(metadata).length > 0) requireFittingMetadata({ ...existing.metadata, ...metadata });
  const details = absentIn(existing.details, again.details);
  const timeouts = absentIn(existing.timeouts, again.timeouts ?? {});
  const agents = again.agents.filter((agent) => !existing.agents.some((known) => known.id === agent.id));
  const learned = agents.length > 0 || [metadata, timeouts].some((pairs) => Object.keys(pairs).length > 0);
  return {
    answer: true,
    update: {
      ...(existing.tags.length === 0 && again.tags ? { tags: again.tags } : {}),
      metadata: { ...existing.metadata, ...metadata },
      details: { ...existing.details, ...details },
      timeouts: { ...existing.timeouts, ...timeouts },
      ...(agents.length > 0 ? { agents: [...existing.agents, ...agents.map(asSessionAgent)] } : {}),
    },
    events: learned
      ? [
          {
            id: `${existing.id}:filled:${existing.lastSeq + 1}`,
            type: 'SessionFilled',
            payload: {},
            occurredAt: again.initTimestamp,
            silent: true,
            effects: { ...(agents.length > 0 ? { agents } : {}), metadata, ...(Object.keys(timeouts).length > 0 ? { timeouts } : {}) },
          },
        ]
      : [],
  };
}

/** The fields of `again` that `existing` has not. */
function absentIn<T extends object>(existing: object, again: T): T {
  return Object.fromEntries(Object.entries(again).filter(([key]) => !Object.hasOwn(existing, key))) as T;
}

export function asSessionAgent(agent: { id: string; name: string; alias?: string }): SessionAgent {
  return { id: agent.id, name: agent.name, aliases: agent.alias === undefined ? [] : [agent.alias] };
}
