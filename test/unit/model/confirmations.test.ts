import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandEventType, commandPayload, refusalOf } from '../../../model/commands.ts';
import { type ConfirmationChange, confirmationChanges } from '../../../model/confirmations.ts';
import { applyEvent, commandAllowed, initialState, isWaiting, type SessionCommand, type SessionState } from '../../../model/session.ts';
import type { JsonObject, SessionEvent } from '../../../model/types.ts';
import { event } from './samples.ts';

const stored = (type: string, seq: number, payload: JsonObject = {}): SessionEvent =>
  event(type, { seq, id: `e${seq}`, payload, receivedAt: new Date(Date.UTC(2026, 0, 1) + seq * 1000).toISOString() });

/** Applies events in order and collects what they do to confirmations. */
function play(events: SessionEvent[]): { state: SessionState; changes: ConfirmationChange[] } {
  let state = initialState();
  const changes: ConfirmationChange[] = [];
  for (const next of events) {
    const before = state;
    state = applyEvent(before, next).state;
    changes.push(...confirmationChanges(before.confirmation, state.confirmation, next));
  }
  return { state, changes };
}

describe('a question', () => {
  const asked = stored('ExecutionAwaitingConfirmation', 1);

  it('is answered by who says so', () => {
    const { changes } = play([asked, stored('ExecutionResumed', 2, { decision: 'approved', decided_by: 'sarah', reason: 'fine' })]);
    expect(changes).toEqual([
      expect.objectContaining({ change: 'asked', eventId: 'e1', askedAt: '2026-01-01T00:00:01.000Z', expiresAt: '2026-01-02T00:00:01.000Z', onTimeout: 'reject' }),
      { change: 'closed', eventId: 'e1', status: 'approved', closedByEventId: 'e2', decidedBy: 'sarah', reason: 'fine' },
    ]);
  });

  it.each([['ExecutionResumed'], ['ExecutionPaused'], ['ExecutionFailed']])('is cancelled when the session goes on without an answer: %s', (type) => {
    expect(play([asked, stored(type, 2)]).changes.at(-1)).toMatchObject({ change: 'closed', eventId: 'e1', status: 'cancelled', decidedBy: null });
  });

  it('gives way to the next one', () => {
    const { changes, state } = play([asked, stored('ExecutionAwaitingConfirmation', 2, { on_timeout: 'approve' })]);
    expect(changes.slice(1)).toMatchObject([
      { change: 'closed', eventId: 'e1', status: 'cancelled' },
      { change: 'asked', eventId: 'e2', onTimeout: 'approve' },
    ]);
    expect(state.confirmation?.eventId).toBe('e2');
  });

  it('is not touched by what leaves the session waiting', () => {
    expect(play([asked, stored('UserMessageReceived', 2), stored('ExecutionReminder', 3), stored('ExecutionStepStarted', 4)]).changes).toHaveLength(1);
  });
});

describe('any reports in any order', () => {
  const types = ['ExecutionStarted', 'ExecutionPaused', 'ExecutionResumed', 'ExecutionAwaitingConfirmation', 'ExecutionReminder', 'ExecutionStepStarted', 'ExecutionCompleted'];
  const reports = fc.array(fc.record({ type: fc.constantFrom(...types), dated: fc.option(fc.integer({ min: 0, max: 9 })) })).map((list) =>
    list.map(({ type, dated }, index) => {
      const report = stored(type, index + 1);
      return dated === null ? report : { ...report, occurredAt: `2026-01-01T00:00:0${dated}.000Z`, effects: { datedByReporter: true as const } };
    }),
  );

  it('leave a question open exactly while the session waits for its answer, and close each question once', () => {
    fc.assert(
      fc.property(reports, (events) => {
        const { state, changes } = play(events);
        expect(Boolean(state.confirmation)).toBe(state.status === 'awaiting_confirmation');
        expect(state.since !== undefined).toBe(isWaiting(state.status));
        const asked = changes.filter(({ change }) => change === 'asked').map(({ eventId }) => eventId);
        const closed = changes.filter(({ change }) => change === 'closed').map(({ eventId }) => eventId);
        expect(closed).toEqual(asked.slice(0, state.confirmation ? -1 : undefined));
      }),
    );
  });
});

describe('a command', () => {
  const commands: SessionCommand[] = ['pause', 'resume', 'cancel', 'ask', 'decide', 'message'];

  it('that a session takes leads where the event leads which it becomes', () => {
    const history = { running: [], paused: ['ExecutionPaused'], awaiting_confirmation: ['ExecutionAwaitingConfirmation'], cancelled: ['ExecutionCancelled'] };
    for (const [status, types] of Object.entries(history)) {
      const { state } = play(['ExecutionStarted', ...types].map((type, index) => stored(type, index + 1)));
      expect(state.status).toBe(status);
      for (const command of commands) {
        expect(refusalOf(state.status, command) === undefined, `${command} while ${status}`).toBe(commandAllowed(state.status, command));
        if (!commandAllowed(state.status, command)) continue;
        const next = applyEvent(state, stored(commandEventType(command), 9, commandPayload(command, { decision: 'approve' }, 'sarah', 'cnf_1'))).state;
        const leads = { pause: 'paused', resume: 'running', cancel: 'cancelled', ask: 'awaiting_confirmation', decide: 'running', message: status };
        expect(next.status, `${command} while ${status}`).toBe(leads[command]);
      }
    }
  });

  it('tells who wants it and why', () => {
    expect(commandPayload('pause', { reason: 'release' }, 'sarah', '')).toEqual({ reason: 'release', by: 'sarah' });
    expect(commandPayload('cancel', { reason: 'not needed' }, 'sarah', '')).toEqual({ reason: 'user_requested', outcome: 'cancelled', end_state_reason: 'not needed', by: 'sarah' });
    expect(commandPayload('decide', { decision: 'reject', reason: 'too much' }, 'sarah', 'cnf_1')).toEqual({ confirmation_id: 'cnf_1', decision: 'rejected', decided_by: 'sarah', reason: 'too much' });
    expect(commandPayload('ask', { message: 'Refund?', timeout_s: 60 }, 'agent', 'cnf_1')).toEqual({ message: 'Refund?', timeout_s: 60, confirmation_id: 'cnf_1', by: 'agent' });
  });
});
