import type { ReplayStatus } from '../model/replay.ts';
import type { ConfirmationChange } from '../model/confirmations.ts';
import type { SessionCommand, SessionState } from '../model/session.ts';
import type { JsonObject, RuleSet, SessionAgent, SessionEvent, SessionStatus } from '../model/types.ts';

/** Consecutive events with the same decision. */
export interface DecidedRun {
  fromSeq: number;
  toSeq: number;
  /** `[[ruleSetId, code], …]`, the code as in model/decisions.ts. */
  outcomes: [string, string][];
}

/** An event whose decision depends on a part that its workflow does not carry: the stored event answers. */
export interface UndecidedEvent {
  seq: number;
  agents: SessionAgent[];
  metadata: Record<string, string>;
}

export interface DecideInput {
  organisationId: string;
  sessionKey: number;
  sessionId: string;
  fromSeq: number;
  toSeq: number;
  decided: DecidedRun[];
  undecided: UndecidedEvent[];
  /** The events that something may be sent for: those of `decided` that say so, and all of `undecided`. */
  matched: { seq: number; id: string; type: string }[];
  /** The session's metadata at each of `matched`, when it did not change between them and is small. */
  metadata?: Record<string, string>;
  /** The session's state after these events, when they changed it. */
  snapshot?: SessionState;
  /** Questions that these events asked or answered. */
  confirmations?: ConfirmationChange[];
  /** The newest rules under which any of these events was accepted. Absent in runs from before it was carried. */
  rulesVersion?: number;
  /** Highest sequence number the workflow has heard of; what Postgres holds beyond comes back in `next`. */
  heardOf: number;
}

/** A message of a batch, and what had become of it when the activity returned. */
export interface SentMessage {
  seq: number;
  event: string;
  to: string;
  status: 'delivered' | 'failed' | 'sending';
}

export interface DecideResult {
  /** Everything up to here is decided, by whomever. */
  decidedSeq: number;
  /** True when another run had decided past this batch: the workflow must start over from the store. */
  overtaken: boolean;
  lastSeq: number;
  /** The events that follow, when the workflow had not heard of them. */
  next: SessionEvent[];
  /** At most a handful, for people. */
  messages: SentMessage[];
  sent: number;
}

export interface SessionStart {
  decidedSeq: number;
  lastSeq: number;
  snapshot: SessionState | null;
  events: SessionEvent[];
}

/** What a session's workflow asks of the outside world. */
export interface SessionActivities {
  loadSession(input: { sessionKey: number }): Promise<SessionStart>;
  loadEvents(input: { sessionKey: number; afterSeq: number }): Promise<SessionEvent[]>;
  loadRules(input: { organisationId: string; agentIds: string[] }): Promise<RuleSet[]>;
  findDefaultAgent(input: { organisationId: string }): Promise<{ id: string; name: string }>;
  recordAndSend(input: DecideInput): Promise<DecideResult>;
}

/** A command to a session, as its workflow is given it. */
export interface CommandInput {
  /** The same id again is the same command. */
  requestId: string;
  command: SessionCommand;
  /** Fields of the event that the command becomes. */
  payload: JsonObject;
  /** Who wants it, for people. */
  by: string;
}

/** What came of a command. */
export type AppendedCommand =
  /** The event it became, and the session's status then. */
  | { outcome: 'done'; eventId: string; seq: number; type: string; status: SessionStatus }
  | { outcome: 'refused'; status: SessionStatus; why: string };

/** What is stored beyond what the workflow may know. */
export interface StoredNews {
  lastSeq: number;
  events: SessionEvent[];
}

/** A deadline that counts by the clock of Postgres: what was due is stored, and when the next one is. */
export interface JudgedDeadlines {
  /** Whether something was due: its event is in the news. */
  appended: boolean;
  /** Milliseconds until the next deadline; null when there is none. */
  nextMs: number | null;
  news: StoredNews;
}

/** A session of an organisation, in the store. */
export interface SessionRef {
  organisationId: string;
  sessionId: string;
}

/** What enters a session through its workflow: judged by the newest stored state, under the session's lock. */
export interface CommandActivities {
  appendCommand(input: SessionRef & { command: CommandInput }): Promise<{ answer: AppendedCommand; news: StoredNews }>;
  judgeDeadlines(input: SessionRef): Promise<JudgedDeadlines>;
}

export type DeliveryAttempt =
  | { outcome: 'closed'; status: string }
  /** Somebody else has the message under lease. */
  | { outcome: 'busy'; forMs: number }
  /** The destination has all the requests under way that it may have. */
  | { outcome: 'crowded' }
  /** It has a turn then under the rate limit, or the destination wants nothing until then. */
  | { outcome: 'wait'; forMs: number; for: 'turn' | 'pause' }
  | { outcome: 'delivered'; to: string }
  | { outcome: 'retry'; afterMs: number; attemptsMade: number; error: string; to: string }
  | { outcome: 'failed'; error: string; to: string };

export interface AttemptRequest {
  deliveryId: string;
  integrationId: string;
  /** 0 to 1: spreads the delay of the next attempt. */
  jitter: number;
  /** Somebody asked for it: it does not wait for the end of a pause. */
  byHand?: boolean;
  /** How often it has been told to wait since its last attempt. */
  putOffs?: number;
}

/** What a delivery's workflow asks of the outside world. */
export interface DeliveryActivities {
  /** Makes one attempt, unless it has to wait. */
  attemptDelivery(request: AttemptRequest): Promise<DeliveryAttempt>;
  cancelDelivery(input: { deliveryId: string; reason: string }): Promise<void>;
}

/** How far a replay is. */
export interface ReplayProgress {
  status: ReplayStatus | 'deleted';
  /** What it is about, for people. */
  about: string;
  found: number;
  /** Whether everything it is about is found. */
  searched: boolean;
  started: number;
  skipped: number;
  delivered: number;
  failed: number;
  cancelled: number;
  error: string | null;
  /** Milliseconds until a further step makes sense. */
  waitMs: number;
  /** Whether something has changed since the step before. */
  moved: boolean;
}

/** What a replay's workflow asks of the outside world. */
export interface ReplayActivities {
  /** Finds, starts and counts, for a few seconds at most. */
  advanceReplay(input: { organisationId: string; replayId: string }): Promise<ReplayProgress>;
  cancelReplay(input: { organisationId: string; replayId: string }): Promise<ReplayProgress>;
}
