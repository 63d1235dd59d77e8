import { encodeOutcome, type Outcome } from './decisions.ts';
import { concernsEveryAgent, eventConstant, findEventType } from './events.ts';
import { matchesPrepared, type PayloadReader, payloadReader } from './filters.ts';
import { agentOf } from './session.ts';
import type { NotificationRule, RuleSet, SessionAgent, SessionEvent, SkipReason, Subscription } from './types.ts';

export type Evaluation =
  | { decision: 'sent' }
  | { decision: 'skipped'; reason: SkipReason }
  /** The answer depends on a field that was cut: ask again with the stored event. */
  | { decision: 'unknown' };

/** What the rules read of an event. */
export type RuledEvent = Pick<SessionEvent, 'type' | 'payload' | 'cut'>;

/** An event prepared for many rules. */
interface PreparedEvent {
  type: string;
  /** The type's other spelling, which a rule may use. */
  constant: string;
  payload: PayloadReader;
  /** The integration that the event is about. */
  integrationId?: string;
}

/** The agents and the metadata of a session as of the event. */
export interface DecisionContext {
  agents: SessionAgent[];
  metadata: Record<string, string>;
}

/** What was decided for an event: for each agent's rule set one code (`model/decisions.ts`), and what is to be sent. */
export type EventDecision =
  | { seq: number; outcomes: [ruleSetId: string, code: string][]; sent: { notificationId: string; agentId: string }[] }
  | { seq: number; needsStoredEvent: true };

/** Decides one notification for one event: event type, field filters, metadata, enabled, in this order (seed: "Filtering & Rules"). */
export function evaluate(rule: NotificationRule, event: RuledEvent, metadata: Record<string, string>): Evaluation {
  const outcome = outcomeOf(rule, prepare(event), metadata);
  if (outcome === 'sent' || outcome === 'unknown') return { decision: outcome };
  return { decision: 'skipped', reason: outcome };
}

/** False only when no notification could be sent for this event, whatever the session's metadata. */
export function mayMatch(rules: readonly NotificationRule[], event: RuledEvent): boolean {
  const prepared = prepare(event);
  return rules.some((rule) => {
    const wanted = rule.enabled && wantedBy(rule.subscription, prepared);
    return wanted === 'wanted' || wanted === 'unknown';
  });
}

/**
 * Decides an event for every notification it concerns: those of all the session's agents for a status
 * event, else those of the one agent it belongs to. The same integration and channel gets it once.
 *
 * @param ruleSets By agent id; an agent without a rule set has no notifications.
 */
export function decideEvent(
  event: RuledEvent & Pick<SessionEvent, 'seq' | 'agentRef'>,
  context: DecisionContext,
  ruleSets: ReadonlyMap<string, RuleSet>,
): EventDecision {
  const prepared = prepare(event);
  const decision: Exclude<EventDecision, { needsStoredEvent: true }> = { seq: event.seq, outcomes: [], sent: [] };
  const reached = new Set<string>();
  for (const set of concernedRuleSets(event, context.agents, ruleSets)) {
    const outcomes: Outcome[] = [];
    for (const rule of set.notifications) {
      let outcome = outcomeOf(rule, prepared, context.metadata);
      if (outcome === 'unknown') return { seq: event.seq, needsStoredEvent: true };
      if (outcome === 'sent') {
        const destination = destinationOf(rule);
        if (reached.has(destination)) outcome = 'same_destination';
        else decision.sent.push({ notificationId: rule.id, agentId: set.agentId });
        reached.add(destination);
      }
      outcomes.push(outcome);
    }
    decision.outcomes.push([set.id, encodeOutcome(outcomes)]);
  }
  return decision;
}

/** The decision for an event that no rule is asked about: every notification it concerns is skipped for one reason. */
export function skipEvent(
  event: Pick<SessionEvent, 'seq' | 'type' | 'agentRef'>,
  reason: SkipReason,
  agents: readonly SessionAgent[],
  ruleSets: ReadonlyMap<string, RuleSet>,
): Exclude<EventDecision, { needsStoredEvent: true }> {
  const outcomes = concernedRuleSets(event, agents, ruleSets).map((set): [string, string] => [
    set.id,
    encodeOutcome(set.notifications.map(() => reason)),
  ]);
  return { seq: event.seq, outcomes, sent: [] };
}

/** Whether a session's metadata has every pair of a filter; other pairs do not matter (seed: metadata table). */
export function matchesMetadata(filter: Record<string, string>, metadata: Record<string, string>): boolean {
  return Object.keys(filter).every(
    (key) => Object.hasOwn(metadata, key) && String(metadata[key]) === String(filter[key]),
  );
}

/** The rule sets with notifications of the agents an event concerns, each once. */
function concernedRuleSets(
  event: Pick<SessionEvent, 'type' | 'agentRef'>,
  agents: readonly SessionAgent[],
  ruleSets: ReadonlyMap<string, RuleSet>,
): RuleSet[] {
  const one = agentOf({ agents }, event.agentRef);
  const concerned = concernsEveryAgent(event.type) ? agents : one ? [one] : [];
  const sets = concerned.map((agent) => ruleSets.get(agent.id)).filter((set) => set !== undefined);
  return Array.from(new Set(sets)).filter((set) => set.notifications.length > 0);
}

/** Equal for notifications whose messages would arrive at the same place. */
function destinationOf({ integrationId, channel }: NotificationRule): string {
  return channel === null ? integrationId : `${integrationId} ${channel}`;
}

function prepare(event: RuledEvent): PreparedEvent {
  const { type, payload, cut } = event;
  const about = findEventType(type)?.category === 'organisation' ? payload.integration_id : undefined;
  return {
    type,
    constant: eventConstant(type),
    payload: payloadReader(payload, cut),
    ...(typeof about === 'string' ? { integrationId: about } : {}),
  };
}

function outcomeOf(
  rule: NotificationRule,
  event: PreparedEvent,
  metadata: Record<string, string>,
): Outcome | 'unknown' {
  const wanted = wantedBy(rule.subscription, event);
  if (wanted !== 'wanted') return wanted;
  if (!matchesMetadata(rule.metadataFilter, metadata)) return 'metadata';
  if (rule.integrationId === event.integrationId) return 'itself';
  return rule.enabled ? 'sent' : 'disabled';
}

/** Any rule of the event's type suffices, and in it any filter (seed: "OR Logic"). */
function wantedBy(
  subscription: Subscription,
  event: PreparedEvent,
): 'wanted' | 'unknown' | 'event_type' | 'field_filter' {
  if (subscription.mode === 'all') return 'wanted';
  let best: 'unknown' | 'event_type' | 'field_filter' = 'event_type';
  for (const rule of subscription.rules) {
    if (rule.event !== event.type && rule.event !== event.constant) continue;
    if (!rule.filters || rule.filters.length === 0) return 'wanted';
    if (best === 'event_type') best = 'field_filter';
    for (const filter of rule.filters) {
      const answer = matchesPrepared(filter, event.payload);
      if (answer === true) return 'wanted';
      if (answer === 'unknown') best = 'unknown';
    }
  }
  return best;
}
