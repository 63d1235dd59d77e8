import { describe, expect, it } from 'vitest';
import {
  actionFailure,
  errorOf,
  eventIdOf,
  eventTypeOf,
  inputOf,
  kindOf,
  outputOf,
  sessionEnd,
  sessionIdOf,
} from '../../../model/agentops.ts';
import type { Json, JsonObject } from '../../../model/types.ts';

describe('the end of a session', () => {
  it.each<[Json, string, string, string | null]>([
    ['Success', 'ExecutionCompleted', 'success', null],
    ['success', 'ExecutionCompleted', 'success', null],
    ['completed', 'ExecutionCompleted', 'success', null],
    ['COMPLETED', 'ExecutionCompleted', 'success', null],
    ['Fail', 'ExecutionFailed', 'failure', null],
    ['Failed', 'ExecutionFailed', 'failure', null],
    ['failure', 'ExecutionFailed', 'failure', null],
    ['error', 'ExecutionFailed', 'failure', null],
    ['Cancelled', 'ExecutionCancelled', 'cancelled', 'user_requested'],
    ['canceled', 'ExecutionCancelled', 'cancelled', 'user_requested'],
    ['timeout', 'ExecutionCancelled', 'cancelled', 'timeout'],
    ['max_steps', 'ExecutionCancelled', 'cancelled', 'max_steps'],
    ['Max Steps', 'ExecutionCancelled', 'cancelled', 'max_steps'],
    ['Indeterminate', 'ExecutionCompleted', 'indeterminate', null],
    ['on fire', 'ExecutionCompleted', 'indeterminate', null],
    ['constructor', 'ExecutionCompleted', 'indeterminate', null],
    ['', 'ExecutionCompleted', 'indeterminate', null],
    [null, 'ExecutionCompleted', 'indeterminate', null],
    [7, 'ExecutionCompleted', 'indeterminate', null],
    [{ state: 'Success' }, 'ExecutionCompleted', 'indeterminate', null],
  ])('%j is %s with outcome %s', (endState, type, outcome, reason) => {
    expect(sessionEnd({ end_state: endState }, [])).toEqual({ type, outcome, reason });
  });

  it('without an end state is indeterminate', () => {
    expect(sessionEnd({}, []).outcome).toBe('indeterminate');
  });

  it.each<[JsonObject, string[], string]>([
    [{ outcome: 'a', result: { outcome: 'b' } }, ['outcome:c'], 'a'],
    [{ result: { outcome: 'b' } }, ['outcome:c'], 'b'],
    [{ outcome: null, result: 'text' }, ['x', 'outcome:c', 'outcome:d'], 'd'],
    [{}, ['outcome=c:d'], 'c:d'],
    [{}, ['outcome: payment_declined'], 'payment_declined'],
    [{ outcome: '' }, ['outcome:'], 'success'],
    [{ outcome: { nested: 1 } }, ['outcomes:c'], 'success'],
  ])('an explicit outcome wins, the session before its result before a tag: %j %j', (session, tags, outcome) => {
    const end = sessionEnd({ end_state: 'Success', ...session }, tags);
    expect(end).toMatchObject({ type: 'ExecutionCompleted', outcome });
  });

  it.each([
    ['Fail', 'Payment gateway timeout', 'Payment gateway timeout'],
    ['Success', 'Timeout', 'Timeout'],
    ['Cancelled', 'Max steps', 'max_steps'],
    ['Cancelled', 'no-activity', 'no_activity'],
    ['timeout', 'took too long', 'took too long'],
    ['timeout', '', 'timeout'],
  ])('%s because of %j has the reason %s', (end_state, end_state_reason, reason) => {
    expect(sessionEnd({ end_state, end_state_reason }, []).reason).toBe(reason);
  });
});

describe('the type of an event', () => {
  it.each<[Json | undefined, string]>([
    ['llm', 'ExecutionStepStarted'],
    ['llms', 'ExecutionStepStarted'],
    ['LLM', 'ExecutionStepStarted'],
    ['tool', 'ExecutionActionStarted'],
    ['tools', 'ExecutionActionStarted'],
    ['action', 'ExecutionActionStarted'],
    ['actions', 'ExecutionActionStarted'],
    ['api', 'ExecutionActionStarted'],
    ['apis', 'ExecutionActionStarted'],
    ['error', 'ExecutionActionFailed'],
    ['errors', 'ExecutionActionFailed'],
    ['ExecutionPaused', 'ExecutionPaused'],
    ['EXECUTION_PAUSED', 'ExecutionPaused'],
    [' UserMessageReceived ', 'UserMessageReceived'],
    ['order.shipped', 'order.shipped'],
    ['constructor', 'constructor'],
  ])('%j is %s', (kind, type) => {
    expect(eventTypeOf(kind)).toBe(type);
  });

  it.each<[Json | undefined]>([[undefined], [null], [''], ['no name!'], [42], [{}], ['x'.repeat(101)]])(
    'that no event can have (%j) is kept as unknown',
    (kind) => {
      expect(eventTypeOf(kind)).toBe('unknown');
    },
  );
});

describe('both spellings', () => {
  it.each<[string, (object: JsonObject) => Json | undefined, JsonObject, Json | undefined]>([
    ['type', kindOf, { type: 'llm', event_type: 'tool' }, 'llm'],
    ['event_type', kindOf, { event_type: 'tools' }, 'tools'],
    ['id', eventIdOf, { id: 'a', event_id: 'b' }, 'a'],
    ['event_id', eventIdOf, { id: null, event_id: 'b' }, 'b'],
    ['no id', eventIdOf, { id: '' }, undefined],
    ['session.id', sessionIdOf, { id: 's' }, 's'],
    ['session.session_id', sessionIdOf, { session_id: 's' }, 's'],
    ['params', inputOf, { params: { a: 1 } }, { a: 1 }],
    ['input', inputOf, { input: 'SELECT 1' }, 'SELECT 1'],
    ['returns', outputOf, { returns: 0 }, 0],
    ['output', outputOf, { output: 'rows' }, 'rows'],
  ])('%s', (_, read, object, expected) => {
    expect(read(object)).toEqual(expected);
  });
});

describe('an action that failed', () => {
  it.each<[JsonObject, Json | undefined]>([
    [{ error: 'boom' }, 'boom'],
    [{ exception: { message: 'boom' } }, { message: 'boom' }],
    [{ error: null, exception: 'boom' }, 'boom'],
    [{ error: '' }, undefined],
    [{ error: false }, undefined],
    [{ name: 'x' }, undefined],
  ])('%j carries %j', (event, error) => {
    expect(errorOf(event)).toEqual(error);
  });

  it('is told by message, name and id', () => {
    expect(actionFailure({ id: 'e-1', name: 'database_query' }, 'no such table')).toEqual({
      message: 'no such table',
      actionName: 'database_query',
      actionId: 'e-1',
    });
  });

  it('keeps what the error says about itself', () => {
    expect(actionFailure({ action_type: 'search' }, { error_type: 'ValueError', details: 'bad value' })).toEqual({
      error_type: 'ValueError',
      details: 'bad value',
      message: 'bad value',
      actionName: 'search',
    });
    expect(actionFailure({}, { code: 7 }).message).toBe('{"code":7}');
  });
});
