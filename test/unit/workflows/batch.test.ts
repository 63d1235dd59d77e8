import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOutcome } from '../../../model/decisions.ts';
import { eventCatalogue } from '../../../model/events.ts';
import { initialState } from '../../../model/session.ts';
import type { JsonObject, RuleSet } from '../../../model/types.ts';
import { agentsOf, batchSize, lookAhead, planBatch, upToNewerRules } from '../../../workflows/batch.ts';
import { batchSummary } from '../../../workflows/display.ts';
import { agent, event, notification, ruleSets } from '../model/samples.ts';

const named = (id: string, alias?: string) => ({ agents: [{ id, name: `Agent ${id}`, ...(alias ? { alias } : {}) }] });

/** `event 3: rules of a: sent event_type` */
function inWords(plan: ReturnType<typeof planBatch>): string[] {
  return plan.decided.flatMap(({ fromSeq, toSeq, outcomes }) =>
    Array.from({ length: toSeq - fromSeq + 1 }, (_, index) =>
      outcomes.map(([id, code]) => `event ${fromSeq + index}: ${id}: ${decodeOutcome(code).join(' ')}`),
    ).flat(),
  );
}

describe('a batch of events', () => {
  const onFailed = notification({ id: 'ntf_f', integrationId: 'int_f', subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] } });
  const onAll = notification({ id: 'ntf_a', integrationId: 'int_a' });
  const rules = ruleSets(['a', [onAll, onFailed]], ['b', [notification({ id: 'ntf_b', integrationId: 'int_b' })]]);

  it('is decided in order, each event by the agents and metadata that hold then', () => {
    const production = notification({ metadataFilter: { environment: 'production' } });
    const plan = planBatch(
      initialState(),
      [
        event('ExecutionStarted', { seq: 1, effects: named('a') }),
        event('Reported', { seq: 2, effects: { metadata: { environment: 'production' } } }),
        event('Reported', { seq: 3, effects: { metadata: { environment: 'staging' } } }),
      ],
      ruleSets(['a', [production]]),
      [],
    );
    expect(inWords(plan)).toEqual(['event 1: rules of a: metadata', 'event 2: rules of a: sent', 'event 3: rules of a: metadata']);
    expect(plan.matched).toEqual([{ seq: 2, id: 'evt-2', type: 'Reported' }]);
    expect(plan.state.metadata).toEqual({ environment: 'staging' });
  });

  it('has stand-ins for the events before an agent is named, and the named agent for what follows', () => {
    const plan = planBatch(
      initialState(),
      [event('Reported', { seq: 1 }), event('AgentRegistered', { seq: 2, silent: true, effects: named('b') }), event('Reported', { seq: 3 })],
      rules,
      [agent('a')],
    );
    expect(inWords(plan)).toEqual(['event 1: rules of a: sent event_type', 'event 3: rules of b: sent']);
  });

  it('asks every agent of the session about a status event, and one agent about the others', () => {
    const both = { effects: { agents: [...named('a').agents, ...named('b', 'alias-b').agents] } };
    const plan = planBatch(
      initialState(),
      [
        event('ExecutionStarted', { seq: 1, ...both }),
        event('Reported', { seq: 2 }),
        event('Reported', { seq: 3, agentRef: 'alias-b' }),
        event('Reported', { seq: 4, agentRef: 'nobody' }),
      ],
      rules,
      [],
    );
    expect(inWords(plan)).toEqual([
      'event 1: rules of a: sent event_type',
      'event 1: rules of b: sent',
      'event 2: rules of a: sent event_type',
      'event 3: rules of b: sent',
      'event 4: rules of a: sent event_type',
    ]);
  });

  it('tells nobody of an end after the first', () => {
    const plan = planBatch(
      initialState(),
      [event('ExecutionFailed', { seq: 1, effects: named('a') }), event('ExecutionCompleted', { seq: 2 }), event('Reported', { seq: 3 })],
      rules,
      [],
    );
    expect(inWords(plan)).toEqual([
      'event 1: rules of a: sent sent',
      'event 2: rules of a: already_ended already_ended',
      'event 3: rules of a: sent event_type',
    ]);
    expect(plan.matched.map(({ seq }) => seq)).toEqual([1, 3]);
    expect(plan.state).toMatchObject({ status: 'failed', endedBySeq: 1 });
  });

  it('decides nothing about a silent record, and learns from it', () => {
    const plan = planBatch(initialState(), [event('SessionFilled', { silent: true, effects: { metadata: { team: 'x' } } })], rules, [agent('a')]);
    expect(plan).toMatchObject({ decided: [], matched: [], undecided: [], state: { metadata: { team: 'x' } } });
  });

  it('leaves an event to the stored one when a filter asks for what was cut', () => {
    const onLog = notification({
      subscription: { mode: 'custom', rules: [{ event: 'Reported', filters: [{ field: 'log', operator: 'ends_with', value: 'urgent' }] }] },
    });
    const events = [event('Reported', { seq: 1, payload: { log: 'begun' }, cut: ['log'], effects: named('a') }), event('Reported', { seq: 2, payload: { log: 'x' } })];
    const plan = planBatch(initialState(), events, ruleSets(['a', [onLog]]), []);
    expect(plan.undecided.map(({ seq, agents }) => [seq, agents[0]?.id])).toEqual([[1, 'a']]);
    expect(plan.matched.map(({ seq }) => seq)).toEqual([1]);
    expect(inWords(plan)).toEqual(['event 2: rules of a: field_filter']);
  });

  it('writes equal decisions in a row down once', () => {
    const events = [1, 2, 3].map((seq) => event('Reported', { seq }));
    const plan = planBatch({ ...initialState(), agents: [agent('a')] }, [...events, event('ExecutionFailed', { seq: 4 })], rules, []);
    expect(plan.decided.map(({ fromSeq, toSeq }) => [fromSeq, toSeq])).toEqual([[1, 3], [4, 4]]);
  });

  it('survives any payload and any type', () => {
    const types = fc.oneof(fc.constantFrom(...eventCatalogue.map(({ name }) => name)), fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,30}$/));
    const keys = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', 'outcome', 'question', 'paused_by'));
    const payloads = fc.dictionary(keys, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6, noNullPrototype: true });
    const odd = notification({
      subscription: {
        mode: 'custom',
        rules: [
          { event: 'ExecutionPaused', filters: [{ field: '__proto__.constructor', operator: 'contains', value: 'x' }] },
          { event: 'ExecutionFailed', filters: [{ field: '', operator: 'greater_than', value: { a: [] } }, { field: 'toString', operator: 'in' }] },
        ],
      },
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(types, payloads, fc.option(fc.string(), { nil: undefined })), { maxLength: 5 }), (reports) => {
        const events = reports.map(([type, payload, agentRef], index) =>
          event(type, { seq: index + 1, payload: payload as JsonObject, ...(agentRef === undefined ? {} : { agentRef }) }),
        );
        const plan = planBatch(initialState(), events, ruleSets(['a', [odd, onAll]]), [agent('a')]);
        expect(inWords(plan)).toHaveLength(events.length);
      }),
    );
  });
});

describe('looking ahead', () => {
  it('finds the agent that a waiting event names', () => {
    const ahead = lookAhead(initialState(), [event('Reported', { seq: 1 }), event('AgentRegistered', { seq: 2, silent: true, effects: named('b') })]);
    expect(ahead).toMatchObject({ agents: [{ id: 'b' }], ends: false });
  });

  it('sees that the session ends without an agent', () => {
    expect(lookAhead(initialState(), [event('Reported', { seq: 1 }), event('ExecutionFailed', { seq: 2 })])).toEqual({ agents: [], ends: true });
    expect(lookAhead({ ...initialState(), status: 'cancelled' }, [event('Reported')])).toEqual({ agents: [], ends: true });
  });

  it('keeps waiting otherwise', () => {
    expect(lookAhead(initialState(), [event('ExecutionStarted')])).toEqual({ agents: [], ends: false });
  });

  it('names every agent whose rules are needed once', () => {
    const events = [event('Reported', { seq: 1, effects: named('b') }), event('Reported', { seq: 2, effects: named('a') })];
    expect(agentsOf({ ...initialState(), agents: [agent('a')] }, events, [agent('default')])).toEqual(['a', 'b', 'default']);
  });
});

describe('the size of a batch', () => {
  const at = (version: number): ReadonlyMap<string, RuleSet> => new Map([['a', { id: '1', agentId: 'a', version, notifications: [] }]]);
  const events = [1, 1, 2, 2].map((rulesVersion, index) => event('Reported', { seq: index + 1, rulesVersion }));

  it('ends before the first event that needs newer rules', () => {
    expect(upToNewerRules(events, at(1)).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('is everything when the rules are new enough, or must be read anyway', () => {
    expect(upToNewerRules(events, at(2))).toHaveLength(4);
    expect(upToNewerRules(events, at(0))).toHaveLength(4);
    expect(upToNewerRules(events, new Map())).toHaveLength(4);
  });

  it('shrinks with the number of notifications that answer for each event', () => {
    const many = (count: number) => ruleSets(['a', Array.from({ length: count }, (_, index) => notification({ id: `ntf_${index}` }))]);
    expect(batchSize(many(3))).toBe(200);
    expect(batchSize(many(1000))).toBe(20);
    expect(batchSize(many(100_000))).toBe(1);
  });
});

describe('the summary of a batch', () => {
  const summary = (label: string, types: string[]) => {
    const events = types.map((type, index) => event(type, { seq: index + 1 }));
    const rules = ruleSets(['a', [notification({ label }), notification({ id: 'ntf_2', integrationId: 'int_2', label: 'Webhook ops' })]]);
    return batchSummary(planBatch({ ...initialState(), agents: [agent('a')] }, events, rules, []), events, rules);
  };

  it('says what goes where', () => {
    expect(summary('Slack #alerts', ['ExecutionFailed'])).toBe('Slack #alerts and 1 more: Execution Failed');
    expect(summary('Slack #alerts', ['ExecutionFailed', 'Reported', 'Reported'])).toBe('Slack #alerts and 1 more: Execution Failed and 2 more');
  });

  it('says that nothing goes out', () => {
    const events = [event('Reported')];
    const plan = planBatch({ ...initialState(), agents: [agent('a')] }, events, new Map(), []);
    expect(batchSummary(plan, events, new Map())).toBe('Reported: nothing to send');
  });

  it('keeps to the 200 bytes that the server takes, whatever things are called', () => {
    for (const label of ['警告'.repeat(200), '🔥'.repeat(200), 'x'.repeat(400)]) {
      expect(Buffer.byteLength(JSON.stringify(summary(label, ['X'.repeat(100), 'Y'])))).toBeLessThanOrEqual(200);
    }
  });
});
