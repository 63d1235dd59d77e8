import { commandEventType, commandPayload, isSameCommand, refusalOf, usedOtherwise } from '../model/commands.ts';
import { confirmationChanges } from '../model/confirmations.ts';
import { deadlineEvent, deadlinesOf } from '../model/deadlines.ts';
import { applyEvent } from '../model/session.ts';
import type { SessionEvent } from '../model/types.ts';
import { appendEvents, type NewEvent } from '../store/append.ts';
import { commandEventId, findCommandEvent, lastActivityAt, lockNewestState, type NewestState } from '../store/commands.ts';
import { confirmationId, recordConfirmations } from '../store/confirmations.ts';
import type { Db } from '../store/database.ts';
import { announceNews } from '../store/newsChannel.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { AppendedCommand, CommandActivities, CommandInput, JudgedDeadlines, SessionRef } from './types.ts';

/**
 * What enters a session through its workflow: commands and time-outs. Each is judged by the newest stored state while
 * the session is locked, so that nothing can come in between, and its event is appended in the same transaction.
 */
export function createCommandActivities({ db }: Pick<ActivityDependencies, 'db'>): CommandActivities {
  async function appendCommand({ organisationId, sessionId, command }: SessionRef & { command: CommandInput }) {
    return db.transaction().execute(async (trx) => {
      const newest = await requireNewest(trx, organisationId, sessionId);
      const { answer, events } = await carryOut(trx, newest, command);
      return { answer, news: { lastSeq: Math.max(newest.lock.lastSeq, ...events.map((event) => event.seq)), events } };
    });
  }

  async function judgeDeadlines({ organisationId, sessionId }: SessionRef): Promise<JudgedDeadlines> {
    return db.transaction().execute(async (trx) => {
      const newest = await requireNewest(trx, organisationId, sessionId);
      const { lock, state, now } = newest;
      const activeAt = (await lastActivityAt(trx, lock.key)) ?? now;
      const [next] = deadlinesOf(state, activeAt.getTime(), now.getTime());
      const nextMs = next === undefined ? null : next.at - now.getTime();
      if (next === undefined || nextMs === null || nextMs > 0) return { appended: false, nextMs, news: { lastSeq: lock.lastSeq, events: [] } };
      const asked = state.confirmation ? confirmationId(lock.key, state.confirmation.eventId) : undefined;
      const id = `timer:${next.kind}:${lock.lastSeq}`;
      const events = await append(trx, newest, { id, ...deadlineEvent(next.kind, state, asked) });
      return { appended: events.length > 0, nextMs: null, news: { lastSeq: lock.lastSeq + events.length, events } };
    });
  }

  return { appendCommand, judgeDeadlines };
}

async function requireNewest(trx: Db, organisationId: string, sessionId: string): Promise<NewestState> {
  const newest = await lockNewestState(trx, organisationId, sessionId);
  if (!newest) throw new Error(`Session ${sessionId} is not in the database.`);
  return newest;
}

async function carryOut(trx: Db, newest: NewestState, { requestId, command, payload, by }: CommandInput): Promise<{ answer: AppendedCommand; events: SessionEvent[] }> {
  const { lock, state } = newest;
  const refuse = (why: string) => ({ answer: { outcome: 'refused' as const, status: state.status, why }, events: [] });
  const type = commandEventType(command);
  const known = await findCommandEvent(trx, lock.key, requestId);
  if (known) {
    if (!isSameCommand(known, { command, payload })) return refuse(usedOtherwise(requestId));
    return { answer: { outcome: 'done', eventId: known.id, seq: known.seq, type, status: state.status }, events: [] };
  }
  const refusal = refusalOf(state.status, command);
  if (refusal !== undefined) return refuse(refusal);
  const id = commandEventId(requestId);
  const open = state.confirmation ? confirmationId(lock.key, state.confirmation.eventId) : undefined;
  if (command === 'decide' && payload.confirmationId !== open) return refuse('The session asks something else by now; the question is not open any more.');
  const events = await append(trx, newest, { id, type, payload: commandPayload(command, payload, by, open ?? confirmationId(lock.key, id)) });
  const seq = events[0]!.seq;
  return { answer: { outcome: 'done', eventId: id, seq, type, status: applyEvent(state, events[0]!).state.status }, events };
}

/** Appends Herald's own event, with what it does to confirmations. Whoever waits for the session's next events learns of it at the commit. */
async function append(trx: Db, { lock, state, now }: NewestState, event: Pick<NewEvent, 'id' | 'type' | 'payload'>): Promise<SessionEvent[]> {
  const { organisationId, id: sessionId, key } = lock;
  const [result] = await appendEvents(trx, [{ organisationId, sessionId, events: [{ ...event, occurredAt: now.toISOString() }] }]);
  if (result?.outcome !== 'appended') throw new Error(`Session ${sessionId} is not in the database.`);
  for (const stored of result.events) {
    const changes = confirmationChanges(state.confirmation, applyEvent(state, stored).state.confirmation, stored);
    await recordConfirmations(trx, { organisationId, key }, changes);
  }
  await announceNews(trx, [key]);
  return result.events;
}
