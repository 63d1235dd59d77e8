import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { ConfirmationStatus } from '../model/confirmations.ts';
import type { DeliverySettings } from '../model/deliverySettings.ts';
import type { ReplayedDelivery, ReplayItemState, ReplayKind, ReplayStatus } from '../model/replay.ts';
import type { SessionState } from '../model/session.ts';
import type { ConfirmationOutcome, SessionTimeouts } from '../model/timeouts.ts';
import type { DeliveryStatus, JsonObject, SessionAgent, SessionStatus, Subscription } from '../model/types.ts';

/** `bigint` is read as a number (store/database.ts): every key and sequence number stays below 2^53. */
type GeneratedBigintId = ColumnType<number, never, never>;
type Timestamp = ColumnType<Date, Date | string, Date | string>;
type NullableTimestamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
type Count = ColumnType<number, number | undefined, number>;
type CreatedAt = ColumnType<Date, Date | string | undefined, Date | string>;

export interface OrganisationTable {
  id: Generated<string>;
  name: string;
  /** Raised in the same transaction by every change to agents, notifications and integrations. */
  rules_version: ColumnType<number, number | undefined, number>;
  /** Of the sessions that start from now on; what is absent has its default. */
  timeouts: ColumnType<Partial<SessionTimeouts>, string | undefined, string>;
  created_at: CreatedAt;
}

export interface ApiKeyTable {
  id: string;
  organisation_id: string;
  name: string;
  /** SHA-256 of the key. */
  key_hash: Buffer;
  /** Last four characters, to tell keys apart. */
  hint: string;
  scopes: string[];
  default_agent_id: string | null;
  created_at: CreatedAt;
  revoked_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
}

export interface AgentTable {
  id: string;
  organisation_id: string;
  name: string;
  created_at: CreatedAt;
  updated_at: CreatedAt;
}

export interface IntegrationTable {
  id: string;
  organisation_id: string;
  name: string;
  type: string;
  /** What may be shown. */
  config: JSONColumnType<JsonObject>;
  /** Encrypted JSON (store/secrets.ts). */
  secrets: string;
  enabled: ColumnType<boolean, boolean | undefined, boolean>;
  /** Why Herald itself disabled it, or null. */
  disabled_reason: string | null;
  /** What was set of the delivery settings; the rest has its default. */
  delivery: JSONColumnType<DeliverySettings, string | undefined>;
  created_at: CreatedAt;
  updated_at: CreatedAt;
}

export interface NotificationTable {
  id: string;
  organisation_id: string;
  agent_id: string;
  integration_id: string;
  subscription: JSONColumnType<Subscription>;
  metadata_filter: JSONColumnType<Record<string, string>>;
  channel: string | null;
  enabled: ColumnType<boolean, boolean | undefined, boolean>;
  created_at: CreatedAt;
  updated_at: CreatedAt;
}

export interface RuleSetTable {
  id: GeneratedBigintId;
  organisation_id: string;
  agent_id: string;
  digest: Buffer;
  notification_ids: string[];
}

export interface SessionTable {
  key: GeneratedBigintId;
  organisation_id: string;
  id: string;
  tags: JSONColumnType<string[]>;
  metadata: JSONColumnType<Record<string, string>>;
  /** Everything else create_session and update_session sent: host_env, inputs, … */
  details: JSONColumnType<JsonObject>;
  agents: JSONColumnType<SessionAgent[]>;
  status: ColumnType<SessionStatus, SessionStatus | undefined, SessionStatus>;
  end_state: string | null;
  end_state_reason: string | null;
  init_timestamp: Timestamp;
  end_timestamp: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
  /** What its organisation and the session itself set; what is absent has its default. */
  timeouts: ColumnType<Partial<SessionTimeouts>, string | undefined, string>;
  created_at: CreatedAt;
  updated_at: CreatedAt;
}

/** The narrow, often written part of a session; its row is the session's lock. */
export interface SessionProgressTable {
  session_key: number;
  /** Highest stored sequence number. */
  last_seq: ColumnType<number, number | undefined, number>;
  /** Everything up to here is decided. Behind `last_seq` means there is work. */
  decided_seq: ColumnType<number, number | undefined, number>;
  /** Workflow state as of `decided_seq`, from which a fresh run starts. */
  snapshot: ColumnType<SessionState | null, string | null | undefined, string | null>;
  /** US dollars, from token counts. */
  token_cost: ColumnType<string, string | number | undefined, string | number>;
  appended_at: CreatedAt;
  /** Until then a worker that has just decided events of the session waits for the next ones. */
  listening_until: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
}

export interface EventTable {
  session_key: number;
  seq: number;
  event_id: string;
  type: string;
  agent_ref: string | null;
  /** As decided and sent; never changed. */
  payload: ColumnType<JsonObject, string, never>;
  /** Later update_events, merged over the payload for readers. */
  patch: ColumnType<JsonObject | null, string | null | undefined, string | null>;
  effects: ColumnType<JsonObject | null, string | null | undefined, never>;
  silent: boolean;
  rules_version: number;
  token_cost: ColumnType<string | null, string | number | null | undefined, string | number | null>;
  occurred_at: Timestamp;
  received_at: CreatedAt;
}

export interface ConfirmationTable {
  /** `cnf_…`, derived from the event that asks. */
  id: string;
  organisation_id: string;
  session_key: number;
  /** Of the event that asks. */
  seq: number;
  event_id: string;
  status: ColumnType<ConfirmationStatus, ConfirmationStatus | undefined, ConfirmationStatus>;
  asked_at: Timestamp;
  expires_at: ColumnType<Date | null, Date | string | null, never>;
  on_timeout: ColumnType<ConfirmationOutcome, ConfirmationOutcome, never>;
  closed_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
  /** The event that answered it, or went on without an answer. */
  closed_by_event_id: string | null;
  decided_by: string | null;
  reason: string | null;
}

export interface DecisionTable {
  session_key: number;
  seq: number;
  /** `[[ruleSetId, code], …]`; the code is model/decisions.ts' run-length text. */
  outcomes: ColumnType<[string, string][], string, never>;
  decided_at: CreatedAt;
}

export interface DeliveryTable {
  /** `dlv_…`, derived from event and notification; the message's `webhook-id`. */
  id: string;
  organisation_id: string;
  /** Null for a test message. */
  session_key: number | null;
  seq: number | null;
  event_id: string;
  event_type: string;
  agent_id: string | null;
  notification_id: string | null;
  integration_id: string;
  channel: string | null;
  status: ColumnType<DeliveryStatus, DeliveryStatus | undefined, DeliveryStatus>;
  attempt_count: ColumnType<number, number | undefined, number>;
  next_attempt_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
  /** Who may send it now, and until when. */
  lease_owner: string | null;
  lease_until: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
  last_error: string | null;
  /** When its turn comes that was reserved under a rate limit. */
  turn_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
  /** Attempts made before it was sent again after its end: its schedule begins anew behind them. */
  attempts_before: ColumnType<number, number | undefined, number>;
  /** The example event of a test message, which no session holds. */
  test_event: ColumnType<JsonObject | null, string | null | undefined, never>;
  /** How the destination knows the message that asks a question (store/sentMessages.ts). */
  message_ref: ColumnType<JsonObject | null, string | null | undefined, string | null>;
  /** When that message was changed to show the answer. */
  settled_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
  created_at: CreatedAt;
  completed_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
}

export interface AttemptTable {
  delivery_id: string;
  number: number;
  started_at: Timestamp;
  duration_ms: number;
  ok: boolean;
  status_code: number | null;
  error: string | null;
  response: string | null;
  /** The destination answered more than `response`. */
  response_cut: ColumnType<boolean, boolean | undefined, boolean>;
}

/** How an integration's destination has been doing; a row exists from its first attempt on. */
export interface IntegrationHealthTable {
  integration_id: string;
  /** The first failure after its last success. */
  failing_since: NullableTimestamp;
  last_failure_at: NullableTimestamp;
  last_error: string | null;
  /** When the organisation was told of the first dead letter since `failing_since`. */
  warned_at: NullableTimestamp;
  /** To the minute: not every success is noted. */
  last_success_at: NullableTimestamp;
  /** Nothing is sent before then: it asked for a pause. */
  paused_until: NullableTimestamp;
  /** Milliseconds of that pause. */
  pause_ms: number | null;
}

/** The next free turn under a rate limit, shared by all workers. */
export interface RateLimitTable {
  integration_id: string;
  /** Empty where the limit counts all messages of the integration. */
  channel: string;
  /** The limit by which `next_turn_at` was reckoned. */
  per_second: number;
  next_turn_at: Timestamp;
  /** The channel's id, by which its limit counts, once it is known. */
  same_as: string | null;
}

/** Worker processes that hold or held leases. */
export interface WorkerTable {
  owner: string;
  alive_until: Timestamp;
}

/** Requests of Slack that were accepted, so that none is accepted twice. */
export interface SlackRequestTable {
  signature: Buffer;
  received_at: CreatedAt;
}

export interface IdempotencyKeyTable {
  organisation_id: string;
  key: string;
  request_hash: Buffer;
  /** Null while the first request is still being answered. */
  status: number | null;
  /** The sealed answer; until there is one, who is to give it. */
  body: ColumnType<string | null, string | null | undefined, string | null>;
  created_at: CreatedAt;
}

export interface SigningKeyTable {
  name: string;
  /** PEM (SPKI). */
  public_key: string;
  /** Encrypted (store/secrets.ts). */
  private_key: string;
  created_at: CreatedAt;
}

/** An install of Slack's app that an administrator has begun. */
export interface SlackInstallTable {
  /** SHA-256 of the ticket in the link. */
  ticket_hash: Buffer;
  organisation_id: string;
  /** The integration that gets the new token; null for a new one. */
  integration_id: string | null;
  name: string;
  channel: string | null;
  expires_at: Timestamp;
}

export interface ReplayTable {
  id: string;
  organisation_id: string;
  kind: ReplayKind;
  status: ColumnType<ReplayStatus, ReplayStatus | undefined, ReplayStatus>;
  integration_id: string;
  notification_id: string | null;
  session_id: string | null;
  since: ColumnType<Date | null, Date | string | null | undefined, never>;
  until: Timestamp;
  /** Where the search for what it is about goes on. */
  position: ColumnType<JsonObject | null, string | null | undefined, string | null>;
  searched: ColumnType<boolean, boolean | undefined, boolean>;
  found: Count;
  started: Count;
  skipped: Count;
  delivered: Count;
  failed: Count;
  cancelled: Count;
  error: string | null;
  /** When it is to be taken further. */
  due_at: ColumnType<Date, Date | string | undefined, Date | string>;
  created_at: CreatedAt;
  completed_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
}

export interface ReplayItemTable {
  replay_id: string;
  delivery_id: string;
  /** In the order in which they were found. */
  ordinal: number;
  /** What a delivery that does not exist yet is made of; null for one that does. */
  new_delivery: ColumnType<ReplayedDelivery | null, string | null, never>;
  state: ColumnType<ReplayItemState, ReplayItemState | undefined, ReplayItemState>;
}

export interface Tables {
  organisations: OrganisationTable;
  api_keys: ApiKeyTable;
  agents: AgentTable;
  integrations: IntegrationTable;
  notifications: NotificationTable;
  rule_sets: RuleSetTable;
  sessions: SessionTable;
  session_progress: SessionProgressTable;
  events: EventTable;
  confirmations: ConfirmationTable;
  decisions: DecisionTable;
  deliveries: DeliveryTable;
  attempts: AttemptTable;
  integration_health: IntegrationHealthTable;
  rate_limits: RateLimitTable;
  workers: WorkerTable;
  signing_keys: SigningKeyTable;
  slack_installs: SlackInstallTable;
  slack_requests: SlackRequestTable;
  idempotency_keys: IdempotencyKeyTable;
  replays: ReplayTable;
  replay_items: ReplayItemTable;
}
