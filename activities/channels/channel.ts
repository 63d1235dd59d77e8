import type { z } from 'zod';
import type { RateLimit } from '../../model/deliverySettings.ts';
import type { AttemptResult, Json, JsonObject } from '../../model/types.ts';
import type { OutgoingHttp } from './http.ts';
import type { RsaSigner } from './rsaSignature.ts';

/** What a notification tells about one event, before any channel gives it a form. */
export interface Message {
  /** The delivery's id: stays the same over all attempts and redeliveries. */
  deliveryId: string;
  eventId: string;
  /** Canonical name (`ExecutionFailed`) or the custom name as it came. */
  eventType: string;
  /** ISO 8601, UTC. */
  occurredAt: string;
  /** Position of the event in its session; null for a test message. */
  seq: number | null;
  payload: JsonObject;
  metadata: Record<string, string>;
  session: { id: string; url: string };
  agent: { id: string; name: string };
  /** Channel chosen for the notification, or null for the integration's own. */
  channel: string | null;
  /** The question that the event asks, if it does. */
  confirmation?: MessageConfirmation;
  /** A test message is marked as one wherever it shows. */
  test: boolean;
}

/** A question that a message asks, and what became of it. */
export interface MessageConfirmation {
  id: string;
  status: 'pending' | 'approved' | 'rejected' | 'cancelled';
  /** Who answered; `timeout` when nobody did in time. */
  decidedBy: string | null;
  reason: string | null;
  /** Until when it waits, ISO 8601; null: for ever. */
  expiresAt: string | null;
  /** What becomes of it then. */
  onTimeout: 'approve' | 'reject' | 'cancel';
  /** Page on which whoever has this message may answer, once. */
  url: string;
}

/** A message as it goes out, short of what is a secret or depends on the time of sending. A preview may show it. */
export interface Rendered {
  headers: Record<string, string>;
  body: Json;
}

/** An integration's configuration as it is stored: `config` may be shown, `secrets` are encrypted. */
export interface StoredConfig {
  config: JsonObject;
  secrets: JsonObject;
}

/** A URL that a configuration would make Herald call, with the input field it comes from. */
export interface Destination {
  field: string;
  url: string;
}

/** A question for the channels that a notification may choose. */
export interface ChannelQuery {
  /** Part of the name. */
  search?: string;
  limit: number;
  /** `nextCursor` of the answer before. */
  cursor?: string;
}

export type ChannelListing =
  | { outcome: 'listed'; channels: { id: string; name: string; private: boolean; member: boolean }[]; nextCursor: string | null }
  | { outcome: 'bad_cursor' }
  /** `passing`: the same question may be answered later. `code` is the destination's own. */
  | { outcome: 'failed'; error: string; passing: boolean; retryAfterMs?: number; code?: string };

/** What sending needs from outside. */
export interface SendIo {
  http: OutgoingHttp;
  /** How long the destination may take to answer, from the integration's delivery settings. Absent: the channel's own default. */
  timeoutMs?: number;
  /** Signs a body with the installation's RSA key (rsaSignature.ts). */
  signRsa: RsaSigner;
  now(): Date;
}

/** A kind of destination: how it is configured, what its messages look like and how they are sent. */
export interface Channel {
  type: string;
  /** How fast its messages go out unless the integration says otherwise; absent, there is no limit. */
  defaultRateLimit?: RateLimit;
  /** The `config` of the API's integration bodies. */
  inputSchema: z.ZodType<JsonObject>;
  /** Divides what `inputSchema` accepted into what may be shown and what is secret; makes new secrets where the channel has some. */
  split(input: JsonObject): StoredConfig;
  /**
   * Applies a PATCH to a stored configuration: given fields replace, `null` removes, the rest stays.
   * @throws ZodError when the outcome is no valid configuration
   */
  merge(current: StoredConfig, patch: JsonObject): StoredConfig;
  /** The secret that is shown once, after creation or rotation; undefined where the channel makes none. */
  newSecret(secrets: JsonObject): string | undefined;
  /** Makes a new secret; the ones before it stay in use for `overlapMs`. Absent where the channel makes none. */
  rotateSecret?(secrets: JsonObject, now: Date, overlapMs: number): JsonObject;
  /** Where this configuration sends to, for `checkUrl` at configuration time. */
  destinations(config: JsonObject, secrets: JsonObject): Destination[];
  /** What is wrong with a notification's choice of channel (null: it makes none), or undefined. */
  channelProblem(config: JsonObject, chosen: string | null): string | undefined;
  /** The channels that a notification may choose. Absent where there is nothing to choose. */
  listChannels?(config: JsonObject, secrets: JsonObject, query: ChannelQuery, io: Pick<SendIo, 'http' | 'timeoutMs'>): Promise<ChannelListing>;
  /** What a rate limit counts together: where a message goes within the integration. Absent, all its messages count together. */
  limitedTogether?(config: JsonObject, channel: string | null): string;
  /** In words, without secrets: `Slack #operations-alerts`. */
  describe(config: JsonObject, channel?: string | null): string;
  /** Pure: the same message and configuration always give the same rendering. */
  render(message: Message, config: JsonObject): Rendered;
  /**
   * Shows a message that was sent as it is rendered now; absent where messages cannot be changed.
   * @param reference What {@link AttemptResult} named when the message was sent.
   */
  update?(rendered: Rendered, reference: JsonObject, config: JsonObject, secrets: JsonObject, io: Pick<SendIo, 'http' | 'timeoutMs'>): Promise<AttemptResult>;
  /** One attempt. Expected failures are results, never exceptions. */
  send(rendered: Rendered, message: Message, config: JsonObject, secrets: JsonObject, io: SendIo): Promise<AttemptResult>;
}
