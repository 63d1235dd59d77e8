import type { SessionTimeouts } from './timeouts.ts';

/** Any JSON value. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** States of a session, as Asteroid names the states of an execution. */
export type SessionStatus =
  | 'queued'
  | 'starting'
  | 'running'
  | 'paused'
  | 'paused_by_agent'
  | 'awaiting_confirmation'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** An agent of a session: Herald's id and name, and the ids under which the reporting SDK knows it. */
export interface SessionAgent {
  id: string;
  name: string;
  aliases: string[];
}

/** What an event changes about its session besides being decided. Applied before the event is decided. */
export interface SessionEffects {
  /** An agent that is named by this event. `alias` is the id used by the caller, if it has one. */
  agents?: { id: string; name: string; alias?: string }[];
  /** Metadata pairs learned with this event; they merge over the ones known before. */
  metadata?: Record<string, string>;
  /** The reporter dated this status event itself, so its time may be compared with the same reporter's other times. */
  datedByReporter?: true;
  /** Timeouts that hold from here on; they merge over the ones known before. */
  timeouts?: Partial<SessionTimeouts>;
}

/** An event of a session as the workflow sees it: normalised, numbered, and with long strings cut. */
export interface SessionEvent {
  /** Position in the session: 1, 2, 3 … without gaps. */
  seq: number;
  id: string;
  /** Canonical name (`ExecutionFailed`) or the custom name as it came. */
  type: string;
  payload: JsonObject;
  /** The `agent_id` the event itself carries: an agent's id or one of its aliases. */
  agentRef?: string;
  /** The organisation's rules version at the moment the event was stored; the event is decided by these rules or newer ones. */
  rulesVersion: number;
  /** When it happened, by the reporter's clock: ISO 8601, UTC. */
  occurredAt: string;
  /** When it was stored, by the clock of Postgres; only on events from which a deadline may count. */
  receivedAt?: string;
  effects?: SessionEffects;
  /** A record for the session alone (an agent was named): it reaches no rule. */
  silent?: true;
  /** Dotted paths of the payload strings that were cut for transport. */
  cut?: string[];
}

/** Comparison of a field filter (seed: "Advanced Filtering"). */
export type FilterOperator =
  | 'equals'
  | 'not_equals'
  | 'contains'
  | 'not_contains'
  | 'starts_with'
  | 'ends_with'
  | 'exists'
  | 'not_exists'
  | 'greater_than'
  | 'less_than'
  | 'in';

export interface FieldFilter {
  /** Dotted path into the payload. */
  field: string;
  operator: FilterOperator;
  /** Absent for `exists` and `not_exists`; a list for `in`. */
  value?: Json;
}

/** One event type of a custom subscription. Without filters every event of the type matches; several filters match if any does. */
export interface SubscriptionRule {
  event: string;
  filters?: FieldFilter[];
}

export type Subscription = { mode: 'all' } | { mode: 'custom'; rules: SubscriptionRule[] };

/** A notification as the rules see it: no destination, no secret. */
export interface NotificationRule {
  id: string;
  integrationId: string;
  /** Where it goes, for people: `Slack #operations-alerts`. */
  label?: string;
  /** Channel chosen for this notification, or null for the integration's own. */
  channel: string | null;
  /** False when the notification or its integration is disabled. */
  enabled: boolean;
  subscription: Subscription;
  /** Pairs that must all equal the session's metadata; empty means every session. */
  metadataFilter: Record<string, string>;
}

/** The notifications of one agent at one rules version, in a fixed order that decisions refer to. */
export interface RuleSet {
  /** Identifies the ordered list of notification ids (table `rule_sets`). */
  id: string;
  agentId: string;
  version: number;
  notifications: NotificationRule[];
}

/** Why a notification was not sent, in the order in which the reasons are examined. */
export type SkipReason = 'event_type' | 'field_filter' | 'metadata' | 'disabled' | 'same_destination' | 'already_ended' | 'itself';

export type DeliveryStatus = 'pending' | 'retrying' | 'delivered' | 'failed' | 'cancelled';

/** Result of one try at a message. */
export type AttemptResult =
  | {
      ok: true;
      statusCode: number | null;
      response: string | null;
      /** The destination answered more than `response`. */
      responseIsCut?: boolean;
      durationMs: number;
      /** How the destination knows the message, where it can be changed later. */
      reference?: JsonObject;
      /** Id of the channel where it went, in a destination that has channels. */
      channelId?: string;
    }
  | {
      ok: false;
      /** `retryable`: try again by the schedule. `permanent`: no later try can succeed. `gone`: the endpoint answered 410 and is to be disabled. */
      kind: 'retryable' | 'permanent' | 'gone';
      error: string;
      statusCode: number | null;
      response: string | null;
      responseIsCut?: boolean;
      durationMs: number;
      /** From Retry-After, when the destination sent one. */
      retryAfterMs?: number;
    };
