import type { JsonObject, NotificationRule, RuleSet, SessionAgent, SessionEvent } from '../../../model/types.ts';

/** A notification that gets everything, unless told otherwise. */
export function notification(changes: Partial<NotificationRule> = {}): NotificationRule {
  return {
    id: 'ntf_1',
    integrationId: 'int_1',
    channel: null,
    enabled: true,
    subscription: { mode: 'all' },
    metadataFilter: {},
    ...changes,
  };
}

export function event(type: string, changes: Partial<SessionEvent> = {}): SessionEvent {
  const seq = changes.seq ?? 1;
  return { seq, id: `evt-${seq}`, type, payload: {}, rulesVersion: 1, occurredAt: '2024-03-14T12:00:00.000Z', ...changes };
}

export function statusReport(type: string, occurredAt: string, payload: JsonObject = {}): SessionEvent {
  return event(type, { occurredAt, payload, effects: { datedByReporter: true } });
}

export function agent(id: string, ...aliases: string[]): SessionAgent {
  return { id, name: `Agent ${id}`, aliases };
}

export function ruleSets(...sets: [agentId: string, notifications: NotificationRule[]][]): Map<string, RuleSet> {
  return new Map(
    sets.map(([agentId, notifications]) => [agentId, { id: `rules of ${agentId}`, agentId, version: 1, notifications }]),
  );
}
