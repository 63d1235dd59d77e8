import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { AppendedCommand, CommandInput } from '../activities/types.ts';
import { COMMAND_UPDATE, NEWS_SIGNAL } from '../model/naming.ts';
import type { SessionState } from '../model/session.ts';
import type { DecisionNote } from './decisionNotes.ts';
import type { RuleSet, SessionAgent, SessionEvent, SessionStatus } from '../model/types.ts';

/** What a session's workflow is told: the session has events up to `lastSeq`, and here are some of them. */
export interface News {
  lastSeq: number;
  /** A faster copy of what Postgres holds; may be empty or have gaps. */
  events: SessionEvent[];
}

/** What a run of a session's workflow takes over from the one before. Plain JSON. */
export interface CarriedSession {
  state: SessionState;
  watermark: number;
  lastSeq: number;
  recent: DeliveryNote[];
  /** What became of the last events. */
  judged?: DecisionNote[];
  counts: { sent: number; skipped: number };
  /** The organisation's default agent, once it has stood in. */
  defaultAgent?: SessionAgent;
  /** When the run last heard of its session, for the idle timeout. Milliseconds since 1970. */
  heardAt?: number;
}

/** Bounds of a session's run; what is absent has its default. */
export interface SessionLimits {
  /** How long events wait for an agent to be named. Milliseconds, default 5000. */
  agentWaitMs?: number;
  /** How long a run stays after the session's end, for what arrives late. Milliseconds, default 60,000. */
  lingerMs?: number;
  /** A run hands over to a fresh one at about this many history events. Default 2000. */
  maxHistoryEvents?: number;
}

export interface SessionInput {
  organisationId: string;
  sessionId: string;
  sessionKey: number;
  /** Whether the cluster knows Herald's search attributes. */
  searchAttributes: boolean;
  /** Set for a session that has just been created: its rules, and no need to look for a snapshot. */
  fresh?: { ruleSets: RuleSet[] };
  /** Whether the run minds deadlines: those that began before Herald did replay without. */
  keepsTime?: boolean;
  carried?: CarriedSession;
  limits?: SessionLimits;
  /**
   * What the list of workflows in the Temporal UI shows of the session when the run starts. Absent in runs that were
   * started before there was this field: they change the list after a batch, not with it.
   */
  shown?: ShownInList;
}

/** What the list of workflows in the Temporal UI shows of a session. */
export interface ShownInList {
  status: SessionStatus;
  agent?: string;
  /** What a paused or asking session waits for, and until when. */
  waitsFor?: string;
}

/** One line of "what was sent", for people who read the workflow. */
export interface DeliveryNote {
  seq: number;
  event: string;
  to: string;
  status: 'delivered' | 'failed' | 'sending';
}

export interface DeliveryInput {
  organisationId: string;
  deliveryId: string;
  integrationId: string;
  eventType: string;
  searchAttributes: boolean;
  /** Attempts made before this workflow started. */
  attemptsMade: number;
  /** Milliseconds until the first attempt of this workflow. */
  firstDelayMs: number;
  /** Somebody asked for that attempt: it does not wait for the end of a pause. */
  byHand?: boolean;
  /** A run hands over to a fresh one at about this many history events. Default 2000. */
  maxHistoryEvents?: number;
}

export interface ReplayInput {
  organisationId: string;
  replayId: string;
  searchAttributes: boolean;
  /** A run hands over to a fresh one at about this many history events. Default 2000. */
  maxHistoryEvents?: number;
}

/** Answer of the `state` query of a session's workflow. */
export interface SessionView {
  state: SessionState;
  watermark: number;
  lastSeq: number;
  waitingForAgent: boolean;
  recent: DeliveryNote[];
  counts: { sent: number; skipped: number };
}

export const newsSignal = defineSignal<[News]>(NEWS_SIGNAL);
export const commandUpdate = defineUpdate<AppendedCommand, [CommandInput]>(COMMAND_UPDATE);
export const stateQuery = defineQuery<SessionView>('state');
export const decisionsQuery = defineQuery<DecisionNote[]>('decisions');
