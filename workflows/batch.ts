import type { DecidedRun, UndecidedEvent } from '../activities/types.ts';
import { type ConfirmationChange, confirmationChanges } from '../model/confirmations.ts';
import { decideEvent, skipEvent } from '../model/rules.ts';
import { applyEvent, isEnded, type SessionState } from '../model/session.ts';
import type { RuleSet, SessionAgent, SessionEvent } from '../model/types.ts';

/** Events decided with one activity. */
export const MAX_BATCH = 200;
/** Answers of notifications that one activity stores at about most; an activation must judge them within a second. */
const MAX_ANSWERS = 20_000;
/** In characters of JSON. */
const MAX_REPEATED_METADATA = 1000;
/** Characters of metadata that one activity takes along: the server refuses 2 MiB. */
const MAX_CARRIED_METADATA = 1024 * 1024;

/** What a batch of events comes to: nothing here reads a clock or the world, so a replay comes to the same. */
export interface BatchPlan {
  decided: DecidedRun[];
  undecided: UndecidedEvent[];
  state: SessionState;
  /** Events that some notification is sent for, or may be. */
  matched: { seq: number; id: string; type: string }[];
  /** The session's metadata at every one of these events; undefined when one of them changed it. */
  metadata: Record<string, string> | undefined;
  /** Questions that were asked or answered. */
  confirmations: ConfirmationChange[];
}

/**
 * The agents that stand for a session without one: the first agent that a waiting event names, else
 * `undefined` until the session ends.
 */
export function lookAhead(state: SessionState, waiting: SessionEvent[]): { agents: SessionAgent[]; ends: boolean } {
  let ahead = state;
  for (const event of waiting) {
    ahead = applyEvent(ahead, event).state;
    if (ahead.agents.length > 0) return { agents: ahead.agents, ends: false };
  }
  return { agents: [], ends: isEnded(ahead.status) };
}

/**
 * The events that the rules at hand may decide: those before the first one that was stored under newer
 * rules. All of them when the first one already was.
 */
export function upToNewerRules(events: SessionEvent[], ruleSets: ReadonlyMap<string, RuleSet>): SessionEvent[] {
  const version = Math.min(...Array.from(ruleSets.values(), (rules) => rules.version));
  const newer = events.findIndex((event) => event.rulesVersion > version);
  return newer > 0 ? events.slice(0, newer) : events;
}

/** How many events make a batch: fewer when many notifications answer for each. */
export function batchSize(ruleSets: ReadonlyMap<string, RuleSet>): number {
  let notifications = 1;
  for (const rules of ruleSets.values()) notifications += rules.notifications.length;
  return Math.min(MAX_BATCH, Math.ceil(MAX_ANSWERS / notifications));
}

/** Agents whose rules a batch needs. */
export function agentsOf(state: SessionState, events: SessionEvent[], standIn: SessionAgent[]): string[] {
  let ahead = state;
  for (const event of events) ahead = applyEvent(ahead, event).state;
  return (ahead.agents.length > 0 ? [...ahead.agents, ...standIn] : standIn)
    .map((agent) => agent.id)
    .filter((id, index, all) => all.indexOf(id) === index);
}

/**
 * Decides events in order: each changes the session's state first and is judged by the agents and the
 * metadata that hold then.
 *
 * @param standIn Agents for the events before the session has one of its own.
 */
export function planBatch(
  before: SessionState,
  events: SessionEvent[],
  ruleSets: ReadonlyMap<string, RuleSet>,
  standIn: SessionAgent[],
): BatchPlan {
  const plan: BatchPlan = { decided: [], undecided: [], state: before, matched: [], metadata: undefined, confirmations: [] };
  for (const event of events) {
    const applied = applyEvent(plan.state, event);
    plan.confirmations.push(...confirmationChanges(plan.state.confirmation, applied.state.confirmation, event));
    plan.state = applied.state;
    if (event.silent) continue;
    const agents = plan.state.agents.length > 0 ? plan.state.agents : standIn;
    if (!applied.notify) {
      addRun(plan.decided, event.seq, skipEvent(event, 'already_ended', agents, ruleSets).outcomes);
      continue;
    }
    const decision = decideEvent(event, { agents, metadata: plan.state.metadata }, ruleSets);
    if ('needsStoredEvent' in decision) {
      plan.undecided.push({ seq: event.seq, agents, metadata: plan.state.metadata });
    } else {
      addRun(plan.decided, event.seq, decision.outcomes);
      if (decision.sent.length === 0) continue;
    }
    const { metadata } = plan.state;
    plan.metadata = plan.matched.length === 0 || plan.metadata === metadata ? metadata : undefined;
    plan.matched.push({ seq: event.seq, id: event.id, type: event.type });
  }
  return plan;
}

/** Whether metadata may be repeated in every batch's history. */
export function isSmall(metadata: Record<string, string>): boolean {
  return JSON.stringify(metadata).length <= MAX_REPEATED_METADATA;
}

/**
 * The events of a plan that one activity can take: an undecided event brings the metadata along that held then, and
 * metadata may be large.
 */
export function upToMuchMetadata({ undecided }: BatchPlan, events: SessionEvent[]): SessionEvent[] {
  let room = MAX_CARRIED_METADATA;
  const excess = undecided.find(({ metadata }, index) => {
    room -= JSON.stringify(metadata).length;
    return room < 0 && index > 0;
  });
  return excess ? events.filter((event) => event.seq < excess.seq) : events;
}

/** Whether a change of state is worth storing: the type of the last event alone is not. */
export function isNews(now: SessionState, before: SessionState): boolean {
  return JSON.stringify({ ...now, lastEventType: '' }) !== JSON.stringify({ ...before, lastEventType: '' });
}

function addRun(runs: DecidedRun[], seq: number, outcomes: [string, string][]): void {
  const last = runs.at(-1);
  if (last && last.toSeq === seq - 1 && sameOutcomes(last.outcomes, outcomes)) last.toSeq = seq;
  else runs.push({ fromSeq: seq, toSeq: seq, outcomes });
}

function sameOutcomes(a: [string, string][], b: [string, string][]): boolean {
  return a.length === b.length && a.every(([id, code], index) => id === b[index]![0] && code === b[index]![1]);
}
