import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { type Appended, appendEvents, type AppendRequest, type AppendResult, sessionName } from '../store/append.ts';
import type { Db } from '../store/database.ts';
import { isUnavailable } from '../store/unavailable.ts';

/** Requests that share one transaction at most, and the events in them. */
const MAX_REQUESTS = 128;
const MAX_EVENTS = 4000;
/** Transactions under way at once: while one waits for the disk, the next one forms. */
const CONCURRENCY = 2;
/** A request waits this long for a database that is away or overloaded. */
const PATIENCE_MS = 15_000;
const RETRY_MS = 250;
const MAX_KNOWN_SESSIONS = 50_000;

/** Thrown when a request could not be stored in time; nothing of it counts as accepted. */
export class OverloadedError extends Error {
  override name = 'OverloadedError';
  readonly retryAfterS = 5;
  /** Postgres may have committed an attempt without our knowing. */
  readonly mayBeStored: boolean;

  constructor({ mayBeStored }: { mayBeStored: boolean }) {
    super('The database did not take the request in time.');
    this.mayBeStored = mayBeStored;
  }
}

/**
 * Appends events, those of concurrent requests in one transaction. Requests to one session are stored in the order in
 * which they came, also when one has to be made again.
 */
export interface GroupCommit {
  /** @throws {OverloadedError} when the database did not take the events in time. */
  append(request: AppendRequest): Promise<AppendResult>;
  /** Requests that Postgres has not answered yet, those that it is at included, and the age of the oldest in milliseconds. */
  backlog(): { requests: number; oldestMs: number };
}

interface Member {
  request: AppendRequest;
  /** The session's name among all of all organisations. */
  session: string;
  since: number;
  /** True once an attempt may have been committed without our knowing. */
  uncertain: boolean;
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
}

export function createGroupCommit(db: Db, log: Logger, patienceMs = PATIENCE_MS): GroupCommit {
  let waiting: Member[] = [];
  /** In the order in which they came. */
  const unanswered = new Set<Member>();
  let running = 0;
  /** Sessions with a request under way: the next one waits, as it would for the lock of the session's row. */
  const busy = new Set<string>();
  const keys = new LRUCache<string, number>({ max: MAX_KNOWN_SESSIONS });

  function pump(): void {
    dropImpatient();
    while (running < CONCURRENCY) {
      const group = takeGroup();
      if (group.length === 0) break;
      running += 1;
      for (const { session } of group) busy.add(session);
      void store(group).finally(() => {
        running -= 1;
        for (const { session } of group) busy.delete(session);
        pump();
      });
    }
  }

  /** Under overload the oldest requests are told to come back rather than to wait on. */
  function dropImpatient(): void {
    const now = performance.now();
    while (waiting[0] && now - waiting[0].since > patienceMs) {
      const { uncertain, reject } = waiting.shift()!;
      reject(new OverloadedError({ mayBeStored: uncertain }));
    }
  }

  function takeGroup(): Member[] {
    const group: Member[] = [];
    const rest: Member[] = [];
    let events = 0;
    let isFull = false;
    for (const member of waiting) {
      if (!isFull && !busy.has(member.session)) {
        events += member.request.events.length;
        isFull = group.length > 0 && (group.length >= MAX_REQUESTS || events > MAX_EVENTS);
        if (!isFull) {
          group.push(member);
          continue;
        }
      }
      rest.push(member);
    }
    waiting = rest;
    return group;
  }

  async function store(group: Member[]): Promise<void> {
    try {
      const known = group.map(({ session }) => keys.get(session));
      const results = await appendEvents(db, group.map(({ request }, index) => (known[index] === undefined ? request : { ...request, sessionKey: known[index] })));
      const mistaken: Member[] = [];
      for (const [index, member] of group.entries()) {
        const result = results[index]!;
        if (result.outcome === 'appended') keys.set(member.session, result.session.key);
        if (result.outcome === 'appended' || known[index] === undefined) {
          member.resolve(settled(member, result));
          continue;
        }
        keys.delete(member.session);
        mistaken.push(member);
      }
      // Sessions keep their keys, but a database that was restored from a backup may have given one anew.
      waiting = [...mistaken, ...waiting];
    } catch (error) {
      if (isUnavailable(error)) return waitAndRetry(group, error);
      if (group.length === 1) group[0]!.reject(error);
      else for (const member of group) await store([member]);
    }
  }

  /** The database is away: its members go back to the head of the queue until their patience ends. */
  async function waitAndRetry(group: Member[], error: unknown): Promise<void> {
    log.warn({ err: error, requests: group.length }, 'Postgres does not take events; waiting');
    const now = performance.now();
    for (const member of group) {
      member.uncertain = true;
      if (now - member.since > patienceMs) member.reject(new OverloadedError({ mayBeStored: true }));
    }
    waiting = [...group.filter((member) => now - member.since <= patienceMs), ...waiting];
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }

  return {
    append: (request) =>
      new Promise<AppendResult>((resolve, reject) => {
        const answered = () => unanswered.delete(member);
        const member: Member = {
          request,
          session: sessionName(request.organisationId, request.sessionId),
          since: performance.now(),
          uncertain: false,
          resolve: (result) => (answered(), resolve(result)),
          reject: (error) => (answered(), reject(error)),
        };
        unanswered.add(member);
        waiting.push(member);
        pump();
      }),
    backlog() {
      const [oldest] = unanswered;
      return { requests: unanswered.size, oldestMs: oldest ? performance.now() - oldest.since : 0 };
    },
  };
}

/** After an uncertain attempt the same events may be stored already: what the store calls duplicates was this request's. */
function settled(member: Member, result: AppendResult): AppendResult {
  if (!member.uncertain || result.outcome !== 'appended') return result;
  const appended: Appended = { ...result, duplicates: 0 };
  return appended;
}
