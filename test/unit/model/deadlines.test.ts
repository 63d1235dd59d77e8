import { describe, expect, it } from 'vitest';
import { deadlineEvent, deadlinesOf, isSignOfLife } from '../../../model/deadlines.ts';
import { applyEvent, initialState, type SessionState } from '../../../model/session.ts';
import { effectiveTimeouts, type SessionTimeouts } from '../../../model/timeouts.ts';
import type { JsonObject, SessionEvent } from '../../../model/types.ts';
import { event } from './samples.ts';

const HOUR = 3_600_000;
const at = (hours: number) => Date.UTC(2026, 0, 1) + hours * HOUR;
const stored = (type: string, hours: number, payload: JsonObject = {}, seq = hours + 1): SessionEvent =>
  event(type, { seq, payload, receivedAt: new Date(at(hours)).toISOString() });

/** A session that starts at hour 0 with these timeouts. */
function session(timeouts: Partial<SessionTimeouts>, ...events: SessionEvent[]): SessionState {
  const started = { ...stored('ExecutionStarted', 0), effects: { timeouts } };
  return [started, ...events].reduce((state, next) => applyEvent(state, next).state, initialState());
}

/** What is due, and in which hour. */
function due(state: SessionState, activeAt = at(0), now = at(0)): Record<string, number> {
  return Object.fromEntries(deadlinesOf(state, activeAt, now).map((deadline) => [deadline.kind, (deadline.at - at(0)) / HOUR]));
}

describe('the deadlines of a session', () => {
  it('are a day of silence, unless something else was set', () => {
    expect(due(session({}))).toEqual({ idle: 24 });
    expect(due(session({ idleMs: null }))).toEqual({});
  });

  it('move with every sign of life, except for the longest duration', () => {
    expect(due(session({ idleMs: 2 * HOUR, maxDurationMs: 10 * HOUR }), at(5))).toEqual({ idle: 7, max_duration: 10 });
  });

  it('of a paused session count from its pause, and silence is none', () => {
    expect(due(session({ pauseMs: 48 * HOUR, maxDurationMs: 100 * HOUR }, stored('ExecutionPaused', 2)))).toEqual({
      reminder: 49,
      pause: 50,
      max_duration: 100,
    });
    expect(due(session({}, stored('ExecutionPaused', 2)))).toEqual({});
  });

  it('do not start again when it is paused once more, and do when it is paused later', () => {
    const twice = [stored('ExecutionPaused', 2), stored('ExecutionPaused', 5, { question: 'Which one?' })];
    expect(due(session({ pauseMs: 10 * HOUR }, ...twice)).pause).toBe(12);
    expect(due(session({ pauseMs: 10 * HOUR }, ...twice, stored('ExecutionResumed', 6), stored('ExecutionPaused', 7))).pause).toBe(17);
  });

  it('of a question count from when it was asked, or as it says itself', () => {
    expect(due(session({}, stored('ExecutionAwaitingConfirmation', 2)))).toEqual({ reminder: 25, confirmation: 26 });
    expect(due(session({}, stored('ExecutionAwaitingConfirmation', 2, { timeout_s: 1800 })))).toEqual({ confirmation: 2.5 });
    expect(due(session({ confirmationMs: null }, stored('ExecutionAwaitingConfirmation', 2)))).toEqual({});
  });

  it('include one reminder, and none of what is over', () => {
    const asked = session({}, stored('ExecutionAwaitingConfirmation', 2));
    const reminded = applyEvent(asked, stored('ExecutionReminder', 25)).state;
    expect(due(reminded)).toEqual({ confirmation: 26 });
    expect(due(asked, at(0), at(30))).toEqual({ confirmation: 26 });
    expect(due(applyEvent(reminded, stored('ExecutionAwaitingConfirmation', 25.5, {}, 30)).state).reminder).toBe(48.5);
  });

  it('are none after the end, nor for what came before there were any', () => {
    expect(due(session({ maxDurationMs: HOUR, pauseMs: HOUR }, stored('ExecutionPaused', 1), stored('ExecutionFailed', 2)))).toEqual({});
    const undated = applyEvent(session({ pauseMs: HOUR }), event('ExecutionPaused', { seq: 2 })).state;
    expect(due(undated)).toEqual({});
  });
});

describe('a sign of life', () => {
  it.each<[string, { id: string; type: string; silent?: boolean }, boolean]>([
    ['a report', { id: 'e1', type: 'ExecutionStepStarted' }, true],
    ['an agent that is named', { id: 's:agent:a', type: 'AgentRegistered', silent: true }, true],
    ['a message of a person', { id: 'command:m', type: 'UserMessageReceived' }, false],
    ['a reminder', { id: 'timer:reminder:3', type: 'ExecutionReminder' }, false],
    ['going on by command', { id: 'command:r', type: 'ExecutionResumed' }, true],
    ['changed timeouts', { id: 's:timeouts:1', type: 'TimeoutsChanged', silent: true }, false],
    ['a report that an agent calls like them', { id: 'e2', type: 'TimeoutsChanged' }, true],
  ])('is, or is not: %s', (_what, heard, expected) => {
    expect(isSignOfLife(heard)).toBe(expected);
  });
});

describe('the event of a deadline', () => {
  const asked = (onConfirmationTimeout: SessionTimeouts['onConfirmationTimeout']) => session({ onConfirmationTimeout }, stored('ExecutionAwaitingConfirmation', 2));
  const answer = { confirmation_id: 'cnf_1', decided_by: 'timeout', reason: 'timeout' };

  it.each([
    ['approve', { type: 'ExecutionResumed', payload: { ...answer, decision: 'approved' } }],
    ['reject', { type: 'ExecutionResumed', payload: { ...answer, decision: 'rejected' } }],
    ['cancel', { type: 'ExecutionCancelled', payload: { ...answer, outcome: 'cancelled', timed_out: 'confirmation' } }],
  ] as const)('of a question that nobody answers: %s', (outcome, expected) => {
    expect(deadlineEvent('confirmation', asked(outcome), 'cnf_1')).toEqual(expected);
  });

  it('of silence and of time says which it was', () => {
    expect(deadlineEvent('idle', session({}), undefined)).toMatchObject({ type: 'ExecutionCancelled', payload: { reason: 'no_activity', timed_out: 'idle' } });
    expect(deadlineEvent('max_duration', session({}), undefined)).toMatchObject({ payload: { reason: 'timeout', timed_out: 'max_duration' } });
  });

  it('of a reminder says what is due when, and what happens then', () => {
    expect(deadlineEvent('reminder', asked('reject'), 'cnf_1')).toEqual({
      type: 'ExecutionReminder',
      payload: {
        message: 'Waits for confirmation until 2026-01-02T02:00:00.000Z, then it is rejected',
        waits_for: 'confirmation',
        due_at: '2026-01-02T02:00:00.000Z',
        on_timeout: 'reject',
        confirmation_id: 'cnf_1',
      },
    });
  });
});

describe('timeouts', () => {
  it('that were set win over the defaults, null included', () => {
    expect(effectiveTimeouts({ idleMs: null, pauseMs: 5 })).toMatchObject({ idleMs: null, pauseMs: 5, onConfirmationTimeout: 'reject' });
  });
});
