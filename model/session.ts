import { type OpenConfirmation, openConfirmation } from './confirmations.ts';
import { findEventType } from './events.ts';
import type { SessionTimeouts } from './timeouts.ts';
import type { JsonObject, SessionAgent, SessionEffects, SessionEvent, SessionStatus } from './types.ts';

/** What a session's workflow knows about its session. Plain JSON: it is carried through continue-as-new and stored as a snapshot. */
export interface SessionState {
  status: SessionStatus;
  /** In the order in which they were named; the first one stands for events that name none. */
  agents: SessionAgent[];
  metadata: Record<string, string>;
  lastEventType: string | null;
  /** The event that ended the session. */
  endedBySeq: number | null;
  /** When the reporter says the status changed; null when its event was not dated by its reporter. */
  statusAt: string | null;
  /** The event that brought the session here, and when it was stored, by the clock of Postgres. */
  since?: { seq: number; at: string };
  /** When the session's start was stored, by the clock of Postgres. */
  startedAt?: string;
  /** What was set for this session. Whatever is absent has its default. */
  timeouts?: Partial<SessionTimeouts>;
  /** The question that waits for its answer while the status is `awaiting_confirmation`. */
  confirmation?: OpenConfirmation | null;
  /** The event of the reminder that was given since the session waits. */
  remindedBySeq?: number | null;
}

export interface AppliedEvent {
  state: SessionState;
  /** False for silent records and for ends after the first: no rule is asked. */
  notify: boolean;
  reason?: 'already_ended';
}

/** The type of the event that says what will soon time out. */
export const REMINDER = 'ExecutionReminder';

export type SessionCommand = 'pause' | 'resume' | 'cancel' | 'ask' | 'decide' | 'message';

export function initialState(): SessionState {
  return { status: 'starting', agents: [], metadata: {}, lastEventType: null, endedBySeq: null, statusAt: null };
}

/** An ended session never lives again: later events are recorded and decided, later ends only recorded. */
export function isEnded(status: SessionStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

export function isPaused(status: SessionStatus): boolean {
  return status === 'paused' || status === 'paused_by_agent';
}

/** The session does nothing until somebody answers it or lets it go on; nobody takes that for silence. */
export function isWaiting(status: SessionStatus): boolean {
  return isPaused(status) || status === 'awaiting_confirmation';
}

/** Status events say where the session stands; they concern every agent of the session. */
export function isStatusEvent(type: string): boolean {
  return findEventType(type)?.category === 'status';
}

/** The agent that an event's `agent_id` means: an agent's id or an alias; unknown or absent: the session's first agent. */
export function agentOf(state: { agents: readonly SessionAgent[] }, ref?: string): SessionAgent | undefined {
  if (ref === undefined) return state.agents[0];
  return (
    state.agents.find((agent) => agent.id === ref) ??
    state.agents.find((agent) => agent.aliases.includes(ref)) ??
    state.agents[0]
  );
}

/**
 * Takes an event into account, and says whether rules are to be asked about it.
 *
 * Reports settle whatever their order. The first end is final. A status that its reporter dates before
 * the one already known changes nothing: a Paused that arrives after the Resumed which followed it.
 * Without the reporter's time (commands, undated reports) the order of arrival counts. A report may
 * leave out what lies between: a paused session that completes has been running.
 */
export function applyEvent(state: SessionState, event: SessionEvent): AppliedEvent {
  const learned = learn(state, event.effects);
  if (event.silent) return { state: learned, notify: false };
  const next = nextStatus(event);
  if (isEnded(state.status)) {
    if (next !== undefined && isEnded(next)) return { state: learned, notify: false, reason: 'already_ended' };
    return { state: { ...learned, lastEventType: event.type }, notify: true };
  }
  return { state: { ...learned, ...changeOfStatus(state, event, next), lastEventType: event.type }, notify: true };
}

/**
 * Whether a session can go from one status to another. Commands are stricter ({@link commandAllowed}):
 * a report may leave out the states in between.
 */
export function validTransition(from: SessionStatus, to: SessionStatus): boolean {
  if (from === to || isEnded(from) || to === 'queued') return false;
  return to !== 'starting' || from === 'queued';
}

const allowedCommands: Record<SessionCommand, readonly SessionStatus[]> = {
  pause: ['running'],
  resume: ['paused', 'paused_by_agent'],
  ask: ['running'],
  decide: ['awaiting_confirmation'],
  cancel: ['queued', 'starting', 'running', 'paused', 'paused_by_agent', 'awaiting_confirmation'],
  message: ['queued', 'starting', 'running', 'paused', 'paused_by_agent', 'awaiting_confirmation'],
};

/** Whether a session in this status takes a command; otherwise the caller is told the status (409). */
export function commandAllowed(status: SessionStatus, command: SessionCommand): boolean {
  return allowedCommands[command].includes(status);
}

function changeOfStatus(state: SessionState, event: SessionEvent, next: SessionStatus | undefined): Partial<SessionState> {
  const notRunningYet = state.status === 'queued' || state.status === 'starting';
  if (next === undefined) {
    if (event.type === REMINDER && isWaiting(state.status)) return { remindedBySeq: event.seq };
    return notRunningYet ? { status: 'running' } : {};
  }
  if (isEnded(next)) return { status: next, statusAt: reportedAt(event), endedBySeq: event.seq, ...waitsNoMore };
  // The creation of a session is dated by whoever created it and says nothing about what came later.
  if (event.type === 'ExecutionStarted') return { ...(notRunningYet ? { status: next } : {}), ...startedAt(state, event) };
  if (isOutdated(state.statusAt, reportedAt(event))) return {};
  return { status: next, statusAt: reportedAt(event), ...waitsFor(state, event, next) };
}

const waitsNoMore = { since: undefined, confirmation: null, remindedBySeq: null };

/** Since when the session waits, and for whose answer. Who is paused and is paused again goes on waiting. */
function waitsFor(state: SessionState, event: SessionEvent, next: SessionStatus): Partial<SessionState> {
  if (isPaused(next) && isPaused(state.status)) return {};
  const since = event.receivedAt === undefined ? undefined : { seq: event.seq, at: event.receivedAt };
  if (next === 'awaiting_confirmation') return { since, confirmation: openConfirmation(event, state.timeouts), remindedBySeq: null };
  return { ...waitsNoMore, ...(isPaused(next) ? { since } : {}) };
}

function startedAt(state: SessionState, event: SessionEvent): Pick<SessionState, 'startedAt'> {
  return event.receivedAt === undefined || state.startedAt !== undefined ? {} : { startedAt: event.receivedAt };
}

function nextStatus(event: SessionEvent): SessionStatus | undefined {
  const status = findEventType(event.type)?.status;
  return status === 'paused' && pausedByAgent(event.payload) ? 'paused_by_agent' : status;
}

/** An agent that asks something, or says so, paused itself; otherwise somebody else paused it. */
function pausedByAgent(payload: JsonObject): boolean {
  return payload.paused_by === 'agent' || (payload.question ?? null) !== null;
}

/** Times of two clocks cannot be compared: only those that a reporter gave count. */
function reportedAt(event: SessionEvent): string | null {
  return event.effects?.datedByReporter ? event.occurredAt : null;
}

function isOutdated(known: string | null, reported: string | null): boolean {
  return known !== null && reported !== null && Date.parse(reported) < Date.parse(known);
}

function learn(state: SessionState, effects: SessionEffects | undefined): SessionState {
  if (!effects) return state;
  return {
    ...state,
    agents: (effects.agents ?? []).reduce(nameAgent, state.agents),
    metadata: effects.metadata ? { ...state.metadata, ...effects.metadata } : state.metadata,
    ...(effects.timeouts ? { timeouts: { ...state.timeouts, ...effects.timeouts } } : {}),
  };
}

/** Adds an agent, or a further alias of one. An alias means the agent that was named with it last. */
function nameAgent(agents: SessionAgent[], named: { id: string; name: string; alias?: string }): SessionAgent[] {
  const { id, name, alias } = named;
  const others = agents.map((agent) =>
    alias !== undefined && agent.aliases.includes(alias)
      ? { ...agent, aliases: agent.aliases.filter((known) => known !== alias) }
      : agent,
  );
  const added = alias === undefined || alias === id ? [] : [alias];
  if (!others.some((agent) => agent.id === id)) return [...others, { id, name, aliases: added }];
  return others.map((agent) => (agent.id === id ? { ...agent, name, aliases: [...agent.aliases, ...added] } : agent));
}
