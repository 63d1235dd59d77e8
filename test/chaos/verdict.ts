import { isSignedWith } from '../../activities/channels/signing.ts';
import { eventConstant } from '../../model/events.ts';
import { textOf } from '../../model/payload.ts';
import type { JsonObject } from '../../model/types.ts';
import type { Disturbance } from './faults.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { Arrival } from './receiver.ts';
import type { Configured } from './setup.ts';

/** What a run comes to. Pairs are of a notification and an event. */
export interface Verdict {
  /** Events that were answered with 2xx. */
  accepted: number;
  /** Pairs that must have arrived. */
  expected: number;
  /** Of these, the pairs that did. */
  delivered: number;
  lost: number;
  lostPairs: string[];
  /** Events that were never acknowledged, and how many messages came of them: both may be. */
  uncertain: { events: number; delivered: number };
  /** Messages that were taken in again. */
  duplicates: number;
  /** Ids of the messages that came more than once: the same each time, or it would be unexplained. */
  duplicateIds: string[];
  unexplained: number;
  /** Why, for the first of them. */
  reasons: string[];
}

export interface Evidence {
  ledger: Ledger;
  arrivals: Arrival[];
  configured: Configured[];
  disturbances: Disturbance[];
}

/** Herald has stored what came of a message this long after its answer, unless it is disturbed. */
const RECORDED_WITHIN_MS = 5000;
const KEPT_REASONS = 20;

/** Compares what was accepted with what arrived. */
export function judge({ ledger, arrivals, configured, disturbances }: Evidence): Verdict {
  const secrets = new Map(configured.map(({ name, secret }) => [name, secret]));
  const pairs = new Map<string, Arrival[]>();
  const pairOfId = new Map<string, string>();
  const arrivedFor = new Set<string>();
  const reasons: string[] = [];
  const duplicateIds = new Set<string>();
  let unexplained = 0;
  let duplicates = 0;
  let uncertainDelivered = 0;

  for (const arrival of arrivals) {
    const reason = oddity(arrival) ?? repetition(arrival);
    if (reason === undefined) continue;
    unexplained += 1;
    if (reasons.length < KEPT_REASONS) reasons.push(`${arrival.notification} ${arrival.webhookId}: ${reason}`);
  }

  const expected = ledger.accepted().flatMap((entry) => entry.expected.map((name) => pairName(name, entry)));
  const lostPairs = expected.filter((pair) => !arrivedFor.has(pair));
  return {
    accepted: ledger.accepted().length,
    expected: expected.length,
    delivered: expected.length - lostPairs.length,
    lost: lostPairs.length,
    lostPairs: lostPairs.slice(0, KEPT_REASONS),
    uncertain: { events: ledger.uncertain().length, delivered: uncertainDelivered },
    duplicates,
    duplicateIds: [...duplicateIds],
    unexplained,
    reasons,
  };

  /** Why a message should not have come at all, or not like this. */
  function oddity(arrival: Arrival): string | undefined {
    const { notification, webhookId, signature, timestamp, text } = arrival;
    const secret = secrets.get(notification);
    if (secret === undefined) return 'nobody has configured this destination';
    if (!isSignedWith(secret, signature, webhookId, timestamp, text)) return 'its signature is wrong';
    const { sessionId, eventId, type, payload } = contentOf(arrival);
    const entry = ledger.find(sessionId, reportedId(eventId, payload));
    if (!entry) return `nobody has reported its event ${eventId} of session ${sessionId}`;
    if (entry.refused) return `its event ${eventId} comes of a command that was refused`;
    if (type !== eventConstant(entry.type)) return `its event ${eventId} is called ${type}, not ${entry.type}`;
    if (entry.note !== undefined && payload.note !== entry.note) return `its event ${eventId} says ${JSON.stringify(payload.note)}, not '${entry.note}'`;
    if (![...entry.expected, ...(entry.allowed ?? [])].includes(notification)) return `the rules skip its event ${eventId} (${entry.type})`;
    return undefined;
  }

  /** Why a message should not have come again. */
  function repetition(arrival: Arrival): string | undefined {
    const { notification, webhookId } = arrival;
    const { sessionId, eventId, payload } = contentOf(arrival);
    const entry = ledger.find(sessionId, reportedId(eventId, payload))!;
    const pair = `${notification} ${sessionId} ${eventId}`;
    const before = pairs.get(pair) ?? [];
    pairs.set(pair, [...before, arrival]);
    if ((pairOfId.get(webhookId) ?? pair) !== pair) return `the id is already that of ${pairOfId.get(webhookId)}`;
    pairOfId.set(webhookId, pair);
    if (before.some((other) => other.webhookId !== webhookId)) return `the same message came as ${before[0]!.webhookId}`;
    if (before.length === 0 && arrivedFor.has(pairName(notification, entry)) && entry.requests === 1) return `the event has come under another id before`;
    if (!arrival.processed) return undefined;
    if (!entry.accepted && !before.some((other) => other.processed)) uncertainDelivered += 1;
    arrivedFor.add(pairName(notification, entry));
    const taken = before.filter((other) => other.processed);
    if (taken.length === 0) return undefined;
    duplicates += 1;
    duplicateIds.add(webhookId);
    return taken.every((other) => mayBeRepeated(other)) ? undefined : `it was sent again although nothing had disturbed it`;
  }

  /** The sender had no answer, or what came of it could not be stored. */
  function mayBeRepeated({ acknowledged, at, endedAt }: Arrival): boolean {
    if (!acknowledged) return true;
    return disturbances.some(
      ({ part, from, to }) => part !== 'api' && part !== 'temporal' && from <= endedAt + RECORDED_WITHIN_MS && to >= at,
    );
  }
}

/** Pairs that were accepted and have not arrived yet. */
export function missing(ledger: Ledger, arrivals: Arrival[]): number {
  const arrived = new Set<string>();
  for (const arrival of arrivals) {
    if (!arrival.processed) continue;
    const { sessionId, eventId, payload } = contentOf(arrival);
    arrived.add(`${arrival.notification} ${sessionId} ${reportedId(eventId, payload)}`);
  }
  let count = 0;
  for (const entry of ledger.accepted()) for (const name of entry.expected) if (!arrived.has(pairName(name, entry))) count += 1;
  return count;
}

function pairName(notification: string, { sessionId, eventId }: Entry): string {
  return `${notification} ${sessionId} ${eventId}`;
}

function contentOf({ body }: Arrival): { sessionId: string; eventId: string; type: string; payload: JsonObject } {
  const info = (body.info ?? {}) as { execution_id?: string; event?: string; payload?: JsonObject };
  return { sessionId: info.execution_id ?? '', eventId: textOf(body.event_id ?? null), type: info.event ?? '', payload: info.payload ?? {} };
}

/** An update's event has an id of Herald's making; the run knows it by the tag that the update brought. */
export function reportedId(eventId: string, payload: JsonObject): string {
  const made = /^(.*:updated:)[^:]+$/.exec(eventId);
  const step = (payload.tags as string[] | undefined)?.find((tag) => tag.startsWith('step='));
  return made && step !== undefined ? `${made[1]}${step.slice('step='.length)}` : eventId;
}
