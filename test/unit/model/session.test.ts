import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventCatalogue } from '../../../model/events.ts';
import {
  agentOf,
  applyEvent,
  commandAllowed,
  initialState,
  isEnded,
  isStatusEvent,
  type SessionCommand,
  type SessionState,
  validTransition,
} from '../../../model/session.ts';
import type { SessionEvent, SessionStatus } from '../../../model/types.ts';
import { event, statusReport } from './samples.ts';

const statuses: SessionStatus[] = [
  'queued',
  'starting',
  'running',
  'paused',
  'paused_by_agent',
  'awaiting_confirmation',
  'completed',
  'failed',
  'cancelled',
];

function after(...events: (string | SessionEvent)[]): SessionState {
  return events.reduce(
    (state, next, index) =>
      applyEvent(state, typeof next === 'string' ? event(next, { seq: index + 1 }) : { ...next, seq: index + 1 }).state,
    initialState(),
  );
}

/** The states before, between and after the events. */
function states(events: SessionEvent[]): SessionState[] {
  const list = [initialState()];
  for (const one of events) list.push(applyEvent(list.at(-1)!, one).state);
  return list;
}

describe('the state of a session', () => {
  it.each<[string[], SessionStatus]>([
    [[], 'starting'],
    [['ExecutionStarted'], 'running'],
    [['ExecutionStepStarted'], 'running'],
    [['order.shipped'], 'running'],
    [['ExecutionStarted', 'ExecutionCompleted'], 'completed'],
    [['ExecutionStarted', 'ExecutionFailed'], 'failed'],
    [['ExecutionStarted', 'ExecutionCancelled'], 'cancelled'],
    [['ExecutionStarted', 'ExecutionPaused'], 'paused'],
    [['ExecutionStarted', 'ExecutionPaused', 'ExecutionActionStarted'], 'paused'],
    [['ExecutionStarted', 'ExecutionPaused', 'ExecutionResumed'], 'running'],
    [['ExecutionStarted', 'ExecutionPaused', 'ExecutionPaused', 'ExecutionResumed', 'ExecutionResumed'], 'running'],
    [['ExecutionStarted', 'ExecutionAwaitingConfirmation'], 'awaiting_confirmation'],
    [['ExecutionStarted', 'ExecutionAwaitingConfirmation', 'ExecutionResumed'], 'running'],
    [['ExecutionStarted', 'ExecutionPaused', 'ExecutionCompleted'], 'completed'],
    [['ExecutionStarted', 'ExecutionPaused', 'ExecutionStarted'], 'paused'],
    [['ExecutionCompleted', 'ExecutionStarted', 'ExecutionResumed', 'ExecutionPaused'], 'completed'],
  ])('after %j is %s', (types, status) => {
    expect(after(...types).status).toBe(status);
  });

  it('tells an agent that pauses itself to ask from one that somebody paused', () => {
    expect(after(event('ExecutionPaused', { payload: { question: 'Which account?' } })).status).toBe('paused_by_agent');
    expect(after(event('ExecutionPaused', { payload: { paused_by: 'agent' } })).status).toBe('paused_by_agent');
    expect(after(event('ExecutionPaused', { payload: { reason: 'maintenance', question: null } })).status).toBe('paused');
  });

  it('keeps the last event and the one that ended it', () => {
    const state = after('ExecutionStarted', 'ExecutionFailed', 'ExecutionStepStarted');
    expect(state).toMatchObject({ status: 'failed', endedBySeq: 2, lastEventType: 'ExecutionStepStarted' });
  });
});

describe('a session that ended', () => {
  const ended = after('ExecutionStarted', 'ExecutionFailed');

  it('records a later end, which changes nothing and notifies nobody', () => {
    const { state, notify, reason } = applyEvent(ended, event('ExecutionCompleted', { seq: 3 }));
    expect(state).toEqual(ended);
    expect({ notify, reason }).toEqual({ notify: false, reason: 'already_ended' });
  });

  it("lets the SDK's last events reach the rules", () => {
    const { state, notify } = applyEvent(ended, event('ExecutionActionFailed', { seq: 3 }));
    expect(notify).toBe(true);
    expect(state.status).toBe('failed');
  });
});

describe('reports out of order', () => {
  it('a Paused dated before the Resumed that is already known changes nothing, and is still notified', () => {
    const running = after(statusReport('ExecutionResumed', '2024-03-14T12:05:00Z'));
    const { state, notify } = applyEvent(running, statusReport('ExecutionPaused', '2024-03-14T12:04:59.999Z'));
    expect(state.status).toBe('running');
    expect(notify).toBe(true);
    expect(applyEvent(running, statusReport('ExecutionPaused', '2024-03-14T12:05:00.001Z')).state.status).toBe('paused');
  });

  it('an end is final, however it is dated', () => {
    const state = after(
      statusReport('ExecutionResumed', '2024-03-14T12:05:00Z'),
      statusReport('ExecutionCompleted', '2024-03-14T12:00:00Z'),
      statusReport('ExecutionPaused', '2024-03-14T12:10:00Z'),
    );
    expect(state.status).toBe('completed');
  });

  it('times of different clocks are not compared: a command counts when it arrives', () => {
    const paused = after(statusReport('ExecutionPaused', '2030-01-01T00:00:00Z'));
    const resumed = applyEvent(paused, event('ExecutionResumed', { seq: 2 })).state;
    expect(resumed.status).toBe('running');
    expect(applyEvent(resumed, statusReport('ExecutionPaused', '2020-01-01T00:00:00Z')).state.status).toBe('paused');
  });

  const reports = fc
    .uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 8 })
    .chain((times) =>
      fc.tuple(
        ...times.map((time) =>
          fc
            .constantFrom('ExecutionPaused', 'ExecutionResumed', 'ExecutionAwaitingConfirmation')
            .map((type) => statusReport(type, new Date(Date.UTC(2024, 0, 1) + time).toISOString())),
        ),
      ),
    );

  it('dated reports settle to the same state in whatever order they arrive', () => {
    fc.assert(
      fc.property(
        reports.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          const inOrder = list.toSorted((a, b) => a.occurredAt.localeCompare(b.occurredAt));
          expect(after(...shuffled).status).toBe(after(...inOrder).status);
        },
      ),
    );
  });
});

describe('agents and metadata', () => {
  it('are learned with an event, before it is decided', () => {
    const named = event('AgentRegistered', { silent: true, effects: { agents: [{ id: 'agt_1', name: 'Research', alias: 'sdk-1' }] } });
    const { state, notify } = applyEvent(initialState(), named);
    expect(notify).toBe(false);
    expect(state).toEqual({ ...initialState(), agents: [{ id: 'agt_1', name: 'Research', aliases: ['sdk-1'] }] });
  });

  it('merge: metadata stays, an agent collects its aliases, and an alias means who was named with it last', () => {
    const state = after(
      event('a', { effects: { agents: [{ id: 'agt_1', name: 'One', alias: 'x' }], metadata: { environment: 'staging', team: 'a' } } }),
      event('a', { effects: { agents: [{ id: 'agt_1', name: 'One', alias: 'y' }, { id: 'agt_2', name: 'Two' }] } }),
      event('a', { effects: { agents: [{ id: 'agt_2', name: 'Two', alias: 'x' }], metadata: { environment: 'production' } } }),
    );
    expect(state.metadata).toEqual({ environment: 'production', team: 'a' });
    expect(state.agents).toEqual([
      { id: 'agt_1', name: 'One', aliases: ['y'] },
      { id: 'agt_2', name: 'Two', aliases: ['x'] },
    ]);
    expect(['x', 'y', 'agt_2', 'nobody', undefined].map((ref) => agentOf(state, ref)?.name)).toEqual([
      'Two',
      'One',
      'Two',
      'One',
      'One',
    ]);
  });

  it('naming an agent again changes nothing', () => {
    const effects = { agents: [{ id: 'agt_1', name: 'One', alias: 'x' }] };
    expect(after(event('a', { effects }), event('a', { effects })).agents).toEqual(after(event('a', { effects })).agents);
  });

  it('there is no agent before one is named', () => {
    expect(agentOf(initialState(), 'x')).toBeUndefined();
  });

  it('status events are those of the seed', () => {
    expect(eventCatalogue.filter((type) => isStatusEvent(type.name))).toHaveLength(7);
    expect(isStatusEvent('ExecutionActionFailed')).toBe(false);
    expect(isStatusEvent('order.shipped')).toBe(false);
  });
});

describe('commands', () => {
  const commands: SessionCommand[] = ['pause', 'resume', 'cancel', 'ask', 'decide', 'message'];

  it.each<[SessionStatus, SessionCommand[]]>([
    ['queued', ['cancel', 'message']],
    ['starting', ['cancel', 'message']],
    ['running', ['pause', 'cancel', 'ask', 'message']],
    ['paused', ['resume', 'cancel', 'message']],
    ['paused_by_agent', ['resume', 'cancel', 'message']],
    ['awaiting_confirmation', ['cancel', 'decide', 'message']],
    ['completed', []],
    ['failed', []],
    ['cancelled', []],
  ])('a session that is %s takes %j', (status, allowed) => {
    expect(commands.filter((command) => commandAllowed(status, command))).toEqual(allowed);
  });

  it.each<[SessionCommand, string]>([
    ['pause', 'ExecutionPaused'],
    ['resume', 'ExecutionResumed'],
    ['ask', 'ExecutionAwaitingConfirmation'],
    ['decide', 'ExecutionResumed'],
    ['cancel', 'ExecutionCancelled'],
  ])('%s leads to a valid state wherever it is allowed', (command, type) => {
    const to = eventCatalogue.find((entry) => entry.name === type)!.status!;
    for (const status of statuses) if (commandAllowed(status, command)) expect(validTransition(status, to)).toBe(true);
  });
});

describe('any sequence of events', () => {
  const types = fc.constantFrom(...eventCatalogue.map((type) => type.name), 'order.shipped', 'AgentRegistered');
  const anyEvent = fc
    .record({
      type: types,
      minute: fc.integer({ min: 0, max: 59 }),
      dated: fc.boolean(),
      silent: fc.boolean(),
      question: fc.boolean(),
    })
    .map(({ type, minute, dated, silent, question }) =>
      event(type, {
        occurredAt: new Date(Date.UTC(2024, 0, 1, 0, minute)).toISOString(),
        payload: question ? { question: 'why?' } : {},
        effects: dated ? { datedByReporter: true } : {},
        ...(silent ? { silent: true as const } : {}),
      }),
    );
  const sequences = fc.array(anyEvent, { maxLength: 30 }).map((events) => events.map((one, index) => ({ ...one, seq: index + 1 })));

  it('keeps a valid state, by valid transitions only', () => {
    fc.assert(
      fc.property(sequences, (events) => {
        const all = states(events);
        all.forEach((state, index) => {
          expect(statuses).toContain(state.status);
          expect(state.endedBySeq !== null).toBe(isEnded(state.status));
          const before = all[index - 1]?.status ?? state.status;
          expect(before === state.status || validTransition(before, state.status)).toBe(true);
        });
      }),
    );
  });

  it('ends once: nothing leads out of an end, and every later end is silent', () => {
    fc.assert(
      fc.property(sequences, (events) => {
        let state = initialState();
        let notifiedEnds = 0;
        for (const one of events) {
          const before = state;
          const applied = applyEvent(state, one);
          state = applied.state;
          const isEnd = isEnded(eventCatalogue.find((type) => type.name === one.type)?.status ?? 'running');
          if (isEnd && applied.notify) notifiedEnds += 1;
          if (isEnded(before.status)) expect([state.status, state.endedBySeq]).toEqual([before.status, before.endedBySeq]);
        }
        expect(notifiedEnds).toBe(isEnded(state.status) ? 1 : 0);
      }),
    );
  });

  it('survives being carried as JSON', () => {
    fc.assert(
      fc.property(sequences, sequences, (first, second) => {
        const state = states(first).at(-1)!;
        const carried: SessionState = JSON.parse(JSON.stringify(state));
        expect(carried).toEqual(state);
        const goOn = (from: SessionState) => second.reduce((now, one) => applyEvent(now, one).state, from);
        expect(goOn(carried)).toEqual(goOn(state));
      }),
    );
  });

  it('leaves the state it was given untouched', () => {
    fc.assert(
      fc.property(sequences, anyEvent, (events, one) => {
        const state = states(events).at(-1)!;
        const copy = structuredClone(state);
        applyEvent(state, one);
        expect(state).toEqual(copy);
      }),
    );
  });
});

describe('transitions', () => {
  it('never lead out of an end, back to queued, or nowhere', () => {
    for (const from of statuses) {
      for (const to of statuses) {
        if (isEnded(from) || to === 'queued' || from === to) expect(validTransition(from, to)).toBe(false);
      }
    }
    expect(validTransition('queued', 'starting')).toBe(true);
    expect(validTransition('running', 'starting')).toBe(false);
    expect(validTransition('paused', 'running')).toBe(true);
    expect(validTransition('awaiting_confirmation', 'running')).toBe(true);
  });
});
