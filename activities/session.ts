import { LRUCache } from 'lru-cache';
import { decodeOutcome } from '../model/decisions.ts';
import { decideEvent } from '../model/rules.ts';
import type { RuleSet, SessionEvent } from '../model/types.ts';
import { findOrCreateAgent } from '../store/agents.ts';
import { endListening, loadEventsAfter, loadProgress } from '../store/progress.ts';
import { recordConfirmations } from '../store/confirmations.ts';
import { type DecisionBatch, type DecisionRecord, deliveryId, type NewDelivery, recordDecisions, type RecordedBatch } from '../store/record.ts';
import { loadRuleSetIds, loadRuleSets } from '../store/rules.ts';
import type { Cycles } from './cycles.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Directory } from './destinations.ts';
import type { FirstAttempts } from './firstAttempts.ts';
import type { Ear } from './listening.ts';
import { createHanded } from './handed.ts';
import { createEventSlices, wholeEvents } from './message.ts';
import type { Sender, SendJob } from './sender.ts';
import type { DecideInput, DecideResult, SentMessage, SessionActivities } from './types.ts';

/** What one activity hands to a workflow at most: events, and characters of their payloads. */
const EVENTS_AT_ONCE = { events: 200, maxJson: 128 * 1024 };
const NOTES = 5;
/** Whoever appends while a session counts as listened to is heard, even when its word takes this long. */
const LISTENING_ENDS_LATE_MS = 300;
/** Within the activity's time limit, with the time that it listens, or makes room for a burst of requests (cycles.ts). */
const LONGEST_WAIT_MS = 2500;
/** The name of the agent that stands in where none is named (DESIGN: Agents). */
const DEFAULT_AGENT = 'default';

/** What has begun by the time that decisions are stored. */
type Begun = Required<Pick<FirstAttempts, 'events' | 'leasedAt'>>;

export function createSessionActivities(
  deps: ActivityDependencies,
  directory: Directory,
  jobsOf: (attempts: FirstAttempts) => SendJob[],
  sender: Sender,
  cycles: Cycles,
): SessionActivities {
  const { db, owner, timings, listening, log } = deps;
  const handed = createHanded();
  /** Immutable: a rule set's id names one list of notifications. */
  const ruleSetIds = new LRUCache<string, string[]>({ max: 2000 });

  async function notificationsOf(ids: string[]): Promise<Map<string, string[]>> {
    const missing = ids.filter((id) => !ruleSetIds.has(id));
    for (const [id, set] of await loadRuleSetIds(db, missing)) ruleSetIds.set(id, set.notificationIds);
    return new Map(ids.map((id) => [id, ruleSetIds.get(id) ?? []]));
  }

  /** Decides the events whose rules touch what the workflow does not carry, by the same pure function. */
  async function judge(input: DecideInput): Promise<DecisionRecord[]> {
    if (input.undecided.length === 0) return [];
    const agentIds = [...new Set(input.undecided.flatMap((event) => event.agents.map((agent) => agent.id)))];
    const ruleSets = new Map<string, RuleSet>();
    for (const rules of await loadRuleSets(db, input.organisationId, agentIds)) {
      ruleSets.set(rules.agentId, rules);
      ruleSetIds.set(rules.id, rules.notifications.map((rule) => rule.id));
    }
    const events = createEventSlices(db, input.sessionKey, input.undecided.map((event) => event.seq));
    const records: DecisionRecord[] = [];
    for (const { seq, agents, metadata } of input.undecided) {
      const stored = await events.load(seq);
      if (!stored) continue;
      const { eventId: id, eventType: type, payload, agentRef, occurredAt } = stored;
      const event = { seq, id, type, payload, occurredAt, rulesVersion: 0, ...(agentRef === null ? {} : { agentRef }) };
      const decision = decideEvent(event, { agents, metadata }, ruleSets);
      if ('outcomes' in decision) records.push({ seq, outcomes: decision.outcomes });
    }
    return records;
  }

  async function deliveriesFor(input: DecideInput, decisions: DecisionRecord[]): Promise<NewDelivery[]> {
    const events = new Map(input.matched.map((event) => [event.seq, event]));
    const matched = decisions.filter((decision) => events.has(decision.seq) && decision.outcomes.some(([, code]) => code.includes('s')));
    if (matched.length === 0) return [];
    const lists = await notificationsOf([...new Set(matched.flatMap((decision) => decision.outcomes.map(([id]) => id)))]);
    const wanted: { seq: number; notificationId: string }[] = [];
    for (const { seq, outcomes } of matched) {
      for (const [id, code] of outcomes) {
        const list = lists.get(id)!;
        decodeOutcome(code).forEach((outcome, position) => {
          if (outcome === 'sent' && list[position]) wanted.push({ seq, notificationId: list[position] });
        });
      }
    }
    if (wanted.length === 0) return [];
    const targets = await directory.targets([...new Set(wanted.map((item) => item.notificationId))], input.rulesVersion ?? Infinity);
    return wanted.flatMap(({ seq, notificationId }) => {
      const target = targets.get(notificationId);
      const event = events.get(seq)!;
      if (!target) return [];
      const id = deliveryId(input.sessionKey, event.id, notificationId);
      return [{ id, seq, eventId: event.id, eventType: event.type, notificationId, ...target }];
    });
  }

  async function send(input: DecideInput, deliveries: NewDelivery[], version: number, begun: Begun, news: Promise<unknown>): Promise<SentMessage[]> {
    if (deliveries.length === 0) return [];
    const session = { organisationId: input.organisationId, key: input.sessionKey, id: input.sessionId };
    const jobs = jobsOf({ session, deliveries, version, ...begun });
    const statuses = await sender.sendInOrder(input.sessionKey, jobs, news);
    const notes = deliveries.slice(-NOTES).map(async (delivery): Promise<SentMessage> => {
      const to = await whereTo(delivery, version);
      return { seq: delivery.seq, event: delivery.eventType, to, status: statuses.get(delivery.id) ?? 'sending' };
    });
    return Promise.all(notes);
  }

  /** With what became of questions, if anything did. */
  async function record(input: DecideInput, batch: DecisionBatch): Promise<RecordedBatch | undefined> {
    const { confirmations } = input;
    if (!confirmations) return recordDecisions(db, batch);
    return db.transaction().execute(async (trx) => {
      const recorded = await recordDecisions(trx, batch);
      await recordConfirmations(trx, { organisationId: input.organisationId, key: input.sessionKey }, confirmations);
      return recorded;
    });
  }

  async function recordSendAndListen(
    input: DecideInput,
    decisions: DecisionRecord[],
    deliveries: NewDelivery[],
    underWay: ReadonlySet<string>,
    begun: Begun,
    ear: Ear | undefined,
  ): Promise<DecideResult> {
    // Whoever waits for its turn still listens.
    const extraMs = ear && cycles.areAllTaken ? LONGEST_WAIT_MS : 0;
    const recorded = await record(input, {
      organisationId: input.organisationId,
      sessionKey: input.sessionKey,
      toSeq: input.toSeq,
      decisions,
      deliveries,
      lease: { owner, ms: timings.leaseMs },
      listenMs: ear ? timings.listenMs + extraMs : 0,
      ...(input.snapshot ? { snapshot: input.snapshot } : {}),
    });
    cycles.end(input.sessionKey);
    if (!recorded) throw new Error(`Session ${input.sessionKey} is not in the database.`);
    const mine = deliveries.filter(({ id }) => recorded.created.has(id) || (recorded.leased.has(id) && !underWay.has(id) && !sender.isSending(id)));
    const decidedHere = recorded.decidedBefore < input.toSeq;
    const upToDate = recorded.lastSeq <= input.heardOf;
    const listener = upToDate && decidedHere ? ear : undefined;
    // Without an ear the workflow may have been told something already.
    const heard = listener?.wait(Math.min(timings.patienceMs, timings.listenMs + LISTENING_ENDS_LATE_MS));
    const messages = await send(input, mine, recorded.rulesVersion, begun, heard ?? Promise.resolve());
    const next = upToDate ? await listen(input, listener, heard, extraMs > 0) : input.heardOf === input.toSeq ? await eventsAfter(input) : [];
    return {
      decidedSeq: recorded.decidedSeq,
      overtaken: recorded.decidedSeq > input.toSeq,
      lastSeq: Math.max(recorded.lastSeq, next.at(-1)?.seq ?? 0),
      next,
      messages,
      sent: mine.length,
    };
  }

  /**
   * The next events, should there be any while the session counts as listened to. Word of old ones may come late.
   * @param countsLonger The session counts as listened to beyond that time, which must end with the listening.
   */
  async function listen(input: DecideInput, ear: Ear | undefined, heard: Promise<boolean> | undefined, countsLonger: boolean): Promise<SessionEvent[]> {
    const until = performance.now() + timings.listenMs + LISTENING_ENDS_LATE_MS;
    let hears = await heard;
    if (!hears) hears = await ear?.wait(Math.max(0, until - performance.now()));
    while (hears) {
      const next = await eventsAfter(input, ear);
      if (next.length > 0) return next;
      hears = await ear?.wait(Math.max(0, until - performance.now()));
    }
    const isLate = ear && countsLonger && (await endListening(db, input.sessionKey)) > input.heardOf;
    return isLate ? eventsAfter(input) : [];
  }

  /** What follows when the session may go on: the longer that takes, the more it is. */
  async function eventsAfter({ sessionKey, heardOf }: DecideInput, ear?: Ear): Promise<SessionEvent[]> {
    await cycles.begin(sessionKey, LONGEST_WAIT_MS);
    const heard = ear?.take(heardOf) ?? [];
    const events = heard.length > 0 ? heard : await loadEventsAfter(db, sessionKey, heardOf, EVENTS_AT_ONCE);
    if (events.length === 0) cycles.end(sessionKey);
    else handed.keep(sessionKey, events);
    return events;
  }

  /** A destination that cannot be read must not hold up its session. */
  async function whereTo({ integrationId, channel }: NewDelivery, version: number): Promise<string> {
    try {
      const destination = await directory.destination(integrationId, version);
      return destination ? destination.channel.describe(destination.config, channel) : 'a deleted integration';
    } catch (error) {
      log.error({ err: error, integration: integrationId }, 'an integration could not be read');
      return 'an integration that cannot be read';
    }
  }

  return {
    async loadSession({ sessionKey }) {
      const progress = await loadProgress(db, sessionKey);
      if (!progress) throw new Error(`Session ${sessionKey} is not in the database.`);
      const events = await loadEventsAfter(db, sessionKey, progress.decidedSeq, EVENTS_AT_ONCE);
      return { decidedSeq: progress.decidedSeq, lastSeq: progress.lastSeq, snapshot: progress.snapshot, events };
    },

    loadEvents: ({ sessionKey, afterSeq }) => loadEventsAfter(db, sessionKey, afterSeq, EVENTS_AT_ONCE),

    loadRules: ({ organisationId, agentIds }) => loadRuleSets(db, organisationId, agentIds),

    async findDefaultAgent({ organisationId }) {
      const { id, name } = await findOrCreateAgent(db, organisationId, DEFAULT_AGENT);
      return { id, name };
    },

    async recordAndSend(input): Promise<DecideResult> {
      cycles.note(input.sessionKey);
      const decisions = [...spread(input), ...(await judge(input))];
      const deliveries = await deliveriesFor(input, decisions);
      // Asked before the store is, too: what ends meanwhile is still pending there.
      const underWay = new Set(deliveries.map(({ id }) => id).filter((id) => sender.isSending(id)));
      const known = input.metadata && wholeEvents(handed.take(input.sessionKey), input.metadata);
      const events = createEventSlices(db, input.sessionKey, deliveries.map(({ seq }) => seq), known);
      // Read while the decisions are stored; whoever sends hears of a failure.
      if (deliveries[0]) void Promise.allSettled([events.load(deliveries[0].seq)]);
      const begun = { events, leasedAt: performance.now() };
      // A workflow with more events at hand goes on at once.
      const ear = input.heardOf === input.toSeq ? listening.listen(input.sessionKey) : undefined;
      try {
        return await recordSendAndListen(input, decisions, deliveries, underWay, begun, ear);
      } finally {
        ear?.close();
      }
    },
  };
}

function spread(input: DecideInput): DecisionRecord[] {
  const records: DecisionRecord[] = [];
  for (const run of input.decided) {
    for (let seq = run.fromSeq; seq <= run.toSeq; seq += 1) records.push({ seq, outcomes: run.outcomes });
  }
  return records;
}
