import {
  allHandlersFinished,
  condition,
  log,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { CommandActivities, SessionActivities } from '../activities/types.ts';
import { isChangeOfTimeouts, isSignOfLife } from '../model/deadlines.ts';
import { initialState, isEnded, type SessionState } from '../model/session.ts';
import type { RuleSet, SessionAgent, SessionEvent } from '../model/types.ts';
import { agentsOf, batchSize, isNews, isSmall, lookAhead, MAX_BATCH, planBatch, upToMuchMetadata, upToNewerRules } from './batch.ts';
import { DeadlineWatch } from './deadlines.ts';
import { batchSummary, commandSummary, inList, sessionDetails, showInList } from './display.ts';
import { withDecisionNotes } from './decisionNotes.ts';
import { Inbox } from './inbox.ts';
import { type CarriedSession, commandUpdate, decisionsQuery, newsSignal, type SessionInput, stateQuery } from './messages.ts';
import { continueOnNewest, isOutdated } from './upgrade.ts';

/** A run hands over to a fresh one at about this many history events … */
const MAX_HISTORY_EVENTS = 2000;
/** … or bytes: one round with large events can add as much again, and a history should stay below 1 MiB. */
const MAX_HISTORY_BYTES = 400 * 1024;
/** How long events wait for an agent to be named before the organisation's default agent stands in. */
const AGENT_WAIT_MS = 5000;
const LINGER_MS = 60_000;
const RECENT_NOTES = 10;

/** Takes little more than a second; when its worker dies, this long until another one takes over. */
const { recordAndSend } = proxyActivities<SessionActivities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '200 milliseconds', maximumInterval: '10 seconds' },
});
const { loadSession, loadEvents, loadRules, findDefaultAgent, appendCommand, judgeDeadlines } = proxyActivities<SessionActivities & CommandActivities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '200 milliseconds', maximumInterval: '10 seconds' },
});

/**
 * The life of one session: receives its events, decides them in order by the rules of its agents, and
 * has what should go out sent. Lives until the session has ended and been quiet for a while; what
 * arrives later starts a new run, from the state that Postgres holds.
 */
export async function session(input: SessionInput): Promise<void> {
  const { carried, limits = {} } = input;
  let state: SessionState = carried?.state ?? initialState();
  const reference = { organisationId: input.organisationId, sessionId: input.sessionId };
  const inbox = new Inbox(carried?.watermark ?? 0, carried?.lastSeq ?? 0);
  const ruleSets = new Map<string, RuleSet>((input.fresh?.ruleSets ?? []).map((rules) => [rules.agentId, rules]));
  const counts = carried?.counts ?? { sent: 0, skipped: 0 };
  let recent = carried?.recent ?? [];
  let judged = carried?.judged ?? [];
  let defaultAgent = carried?.defaultAgent;
  let waitingForAgent = false;
  /** The state after the batch under way; its activity lasts until there are further events. */
  let planned: SessionState | undefined;
  let shown = input.shown;

  const watch = new DeadlineWatch(carried?.heardAt ?? Date.now(), () => planned ?? state, async () => {
    const { nextMs, news } = await judgeDeadlines(reference);
    inbox.hear(news);
    return nextMs;
  });

  setHandler(newsSignal, (news) => inbox.hear(news));
  setHandler(commandUpdate, async (command) => {
    const { answer, news } = await appendCommand.executeWithOptions({ summary: commandSummary(command) }, [{ ...reference, command }]);
    inbox.hear(news);
    return answer;
  });
  setHandler(stateQuery, () => ({
    state: planned ?? state,
    watermark: inbox.watermark,
    lastSeq: inbox.lastSeq,
    waitingForAgent,
    recent,
    counts,
  }));
  setHandler(decisionsQuery, () => judged);
  const describe = () => setCurrentDetails(sessionDetails({ input, state: planned ?? state, inbox, waitingForAgent, recent, counts }));

  if (!carried && !input.fresh) {
    await startFromStore();
    const now = showInList(shown ?? inList(initialState()), inList(state, input.keepsTime), input.searchAttributes);
    if (shown) shown = now;
  }
  describe();
  if (input.keepsTime) void watch.run();

  const hasWork = () => inbox.hasWork || isOutdated();
  /** A run whose state alone makes its history long must get somewhere, too. */
  let worked = false;
  while (true) {
    if (hasWork()) {
      if ((worked && historyIsLong()) || isOutdated()) return await handOver();
      await work();
      worked = true;
      describe();
    } else if (!isEnded(state.status)) {
      await condition(hasWork);
    } else if (!(await condition(hasWork, limits.lingerMs ?? LINGER_MS, { summary: 'Late events, then it closes' }))) {
      break;
    }
  }
  await condition(allHandlersFinished);

  async function work(): Promise<void> {
    if (inbox.ready(1).length === 0) await load();
    if (inbox.ready(1).length === 0) return;
    const standIn = await standInFor();
    await decide(upToNewerRules(inbox.ready(MAX_BATCH), ruleSets), standIn);
  }

  /** What happened before this run, from Postgres. */
  async function startFromStore(): Promise<void> {
    const start = await loadSession({ sessionKey: input.sessionKey });
    if (start.snapshot) state = start.snapshot;
    inbox.decidedUpTo(start.decidedSeq);
    inbox.hear({ lastSeq: start.lastSeq, events: start.events });
  }

  /** Fetches what follows the events at hand. */
  async function load(): Promise<void> {
    const afterSeq = inbox.readyUpTo;
    inbox.hear({ lastSeq: afterSeq, events: await loadEvents({ sessionKey: input.sessionKey, afterSeq }) });
    if (inbox.readyUpTo > afterSeq) return;
    log.warn('the session has heard of events that Postgres does not hold', { afterSeq });
    inbox.expectNoMore();
  }

  /** The agents for events of a session without one: waits, in order, until one is named or the wait is over. */
  async function standInFor(): Promise<SessionAgent[]> {
    if (state.agents.length > 0) return [];
    const waitUntil = Date.now() + (limits.agentWaitMs ?? AGENT_WAIT_MS);
    while (true) {
      while (inbox.lacksSome) await load();
      const ahead = lookAhead(state, inbox.ready());
      if (ahead.agents.length > 0) return ahead.agents;
      const waitMs = waitUntil - Date.now();
      if (ahead.ends || defaultAgent || waitMs <= 0) break;
      waitingForAgent = true;
      describe();
      const heardOf = inbox.lastSeq;
      await condition(() => inbox.lastSeq > heardOf, waitMs);
      waitingForAgent = false;
    }
    defaultAgent ??= { ...(await findDefaultAgent({ organisationId: input.organisationId })), aliases: [] };
    return [defaultAgent];
  }

  async function decide(candidates: SessionEvent[], standIn: SessionAgent[]): Promise<void> {
    await refreshRules(agentsOf(state, candidates, standIn), Math.max(...candidates.map((event) => event.rulesVersion)));
    const wanted = candidates.slice(0, batchSize(ruleSets));
    const planOfAll = planBatch(state, wanted, ruleSets, standIn);
    const events = upToMuchMetadata(planOfAll, wanted);
    const plan = events === wanted ? planOfAll : planBatch(state, events, ruleSets, standIn);
    const toSeq = events.at(-1)!.seq;
    if (shown) shown = showInList(shown, inList(plan.state, input.keepsTime), input.searchAttributes);
    planned = plan.state;
    if (events.some(isSignOfLife) || tookChangedTimeoutsForLife(events)) watch.heardAt = Date.now();
    describe();
    const result = await recordAndSend.executeWithOptions({ summary: batchSummary(plan, events, ruleSets) }, [
      {
        organisationId: input.organisationId,
        sessionId: input.sessionId,
        sessionKey: input.sessionKey,
        fromSeq: events[0]!.seq,
        toSeq,
        decided: plan.decided,
        undecided: plan.undecided,
        matched: plan.matched,
        ...(plan.metadata && isSmall(plan.metadata) ? { metadata: plan.metadata } : {}),
        rulesVersion: Math.max(...events.map((event) => event.rulesVersion)),
        heardOf: inbox.readyUpTo,
        ...(plan.confirmations.length > 0 ? { confirmations: plan.confirmations } : {}),
        ...(isNews(plan.state, state) ? { snapshot: plan.state } : {}),
      },
    ]);
    planned = undefined;
    if (result.overtaken) {
      ruleSets.clear();
      await startFromStore();
      return;
    }
    const before = state;
    state = plan.state;
    inbox.decidedUpTo(toSeq);
    inbox.hear({ lastSeq: result.lastSeq, events: result.next });
    counts.sent += result.sent;
    counts.skipped += events.filter((event) => !event.silent).length - plan.matched.length;
    judged = withDecisionNotes(judged, plan, events, ruleSets);
    recent = [...recent, ...result.messages].slice(-RECENT_NOTES);
    if (!shown) showInList(inList(before, input.keepsTime), inList(state, input.keepsTime), input.searchAttributes);
  }

  /** As runs did that began before changed timeouts ceased to count as a sign of life. */
  function tookChangedTimeoutsForLife(events: SessionEvent[]): boolean {
    return events.some(isChangeOfTimeouts) && !patched('changed-timeouts-are-no-sign-of-life');
  }

  async function refreshRules(agentIds: string[], version: number): Promise<void> {
    const stale = agentIds.filter((id) => (ruleSets.get(id)?.version ?? 0) < version);
    if (stale.length === 0) return;
    const loaded = await loadRules({ organisationId: input.organisationId, agentIds });
    for (const rules of loaded) ruleSets.set(rules.agentId, rules);
  }

  function historyIsLong(): boolean {
    const { continueAsNewSuggested, historyLength, historySize } = workflowInfo();
    const maxEvents = limits.maxHistoryEvents ?? MAX_HISTORY_EVENTS;
    return continueAsNewSuggested || historyLength > maxEvents || historySize > MAX_HISTORY_BYTES;
  }

  async function handOver(): Promise<void> {
    await condition(() => allHandlersFinished() && !watch.judging);
    const { watermark, lastSeq } = inbox;
    const { heardAt } = watch;
    const next: CarriedSession = { state, watermark, lastSeq, recent, judged, counts, heardAt, ...(defaultAgent ? { defaultAgent } : {}) };
    const { fresh: _, ...same } = input;
    await continueOnNewest<typeof session>({ ...same, keepsTime: true, carried: next, ...(shown ? { shown } : {}) });
  }
}
