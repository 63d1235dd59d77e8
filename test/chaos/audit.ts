import type { JsonObject } from '../../model/types.ts';
import type { Herald } from './herald.ts';
import { call } from './http.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { Configured } from './setup.ts';
import { reportedId } from './verdict.ts';

const MAX_PROBLEMS = 20;

/**
 * Asks Herald itself: every session is decided to its end, every accepted event has the decisions it should have, and
 * no delivery is open or given up. Answers what is wrong.
 */
export async function audit(herald: Pick<Herald, 'url' | 'apiKey'>, ledger: Ledger, sessionIds: string[], configured: Configured[]): Promise<string[]> {
  const problems: string[] = [];
  const names = new Map(configured.map(({ name, notificationId }) => [notificationId, name]));
  const bySession = Map.groupBy(ledger.accepted(), (entry) => entry.sessionId);

  for (const id of sessionIds) {
    const entries = bySession.get(id);
    if (!entries) continue;
    const path = `/v1/sessions/${encodeURIComponent(id)}`;
    const session = await get<{ decided_seq: number; last_seq: number }>(herald, path);
    if (session.decided_seq !== session.last_seq) problems.push(`session ${id} is decided to ${session.decided_seq} of ${session.last_seq}`);
    const events = await list<StoredEvent>(herald, `${path}/events`);
    const decisions = await list<StoredDecision>(herald, `${path}/decisions`);
    problems.push(...compare(entries, events, decisions, names));
    const stored = new Set(events.map((event) => event.id));
    const undone = ledger.refused().filter((entry) => entry.sessionId === id && stored.has(entry.eventId));
    problems.push(...undone.map(({ eventId }) => `the command behind ${eventId} was refused, and carried out all the same`));
  }
  for (const status of ['pending', 'retrying', 'failed', 'cancelled']) {
    const open = await list<object>(herald, `/v1/deliveries?status=${status}`);
    if (open.length > 0) problems.push(`${open.length} deliveries are ${status}: ${JSON.stringify(open[0])}`);
  }
  return problems.slice(0, MAX_PROBLEMS);
}

interface StoredEvent {
  id: string;
  payload: JsonObject;
}

interface StoredDecision {
  event_id: string;
  notification_id: string;
  decision: 'sent' | 'skipped';
}

function compare(entries: Entry[], events: StoredEvent[], decisions: StoredDecision[], names: Map<string, string>): string[] {
  const reported = new Map(events.map(({ id, payload }) => [id, reportedId(id, payload)]));
  const stored = new Set(reported.values());
  const sent = new Map<string, Set<string>>();
  const decided = new Set<string>();
  for (const { event_id, notification_id, decision } of decisions) {
    const id = reported.get(event_id)!;
    decided.add(id);
    if (decision !== 'sent') continue;
    sent.set(id, (sent.get(id) ?? new Set()).add(names.get(notification_id) ?? notification_id));
  }
  return entries.flatMap(({ eventId, sessionId, type, expected, allowed = [] }) => {
    const event = `event ${eventId} (${type}) of session ${sessionId}`;
    if (!stored.has(eventId)) return [`${event} was accepted and is not stored`];
    // Nobody is asked about the start of a session whose agent came too late.
    if (!decided.has(eventId) && allowed.length === 0) return [`${event} has no decisions`];
    const wrong = [...(sent.get(eventId) ?? [])].filter((name) => !expected.includes(name) && !allowed.includes(name));
    const absent = expected.filter((name) => !sent.get(eventId)?.has(name));
    return [...wrong.map((name) => `${event} is decided as sent to ${name}`), ...absent.map((name) => `${event} is not decided as sent to ${name}`)];
  });
}

async function list<T>(herald: Pick<Herald, 'url' | 'apiKey'>, path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const query: string = `${path.includes('?') ? '&' : '?'}limit=200${cursor === null ? '' : `&cursor=${cursor}`}`;
    const page: { data: T[]; next_cursor: string | null } = await get(herald, path + query);
    items.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}

async function get<T>({ url, apiKey }: Pick<Herald, 'url' | 'apiKey'>, path: string): Promise<T> {
  const headers = { 'x-agentops-api-key': apiKey };
  const answer = await call({ method: 'GET', url: url + path, headers, timeoutMs: 30_000 });
  if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body as T;
}
