import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { decodeOutcome } from '../model/decisions.ts';
import { spacedEventName } from '../model/events.ts';
import { SEARCH_ATTRIBUTES } from '../model/naming.ts';
import { isEnded, type SessionState } from '../model/session.ts';
import type { RuleSet, SessionEvent } from '../model/types.ts';
import type { BatchPlan } from './batch.ts';
import type { Inbox } from './inbox.ts';
import type { DeliveryNote, SessionInput, ShownInList } from './messages.ts';

const statusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD');
const agentKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.agent, 'KEYWORD');
export const deliveryStatusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.deliveryStatus, 'KEYWORD');

/** Keeps the list of workflows in the Temporal UI in step: status and agent of the session. Answers what it shows now. */
export function showInList(before: ShownInList, now: ShownInList, searchAttributes: boolean): ShownInList {
  const { agent } = now;
  const agentIsNew = agent !== undefined && agent !== before.agent;
  if (searchAttributes && (now.status !== before.status || agentIsNew)) {
    upsertSearchAttributes([
      { key: statusKey, value: now.status },
      ...(agentIsNew ? [{ key: agentKey, value: agent.slice(0, 255) }] : []),
    ]);
  }
  if (agentIsNew) upsertMemo({ agent });
  return now;
}

/** What the list of workflows is to show of a session. */
export function inList({ status, agents }: SessionState): ShownInList {
  const agent = agents[0]?.name;
  return { status, ...(agent === undefined ? {} : { agent }) };
}

/** What a person who opens the workflow in the Temporal UI should read first, in Markdown. */
export function sessionDetails(view: {
  input: SessionInput;
  state: SessionState;
  inbox: Inbox;
  waitingForAgent: boolean;
  recent: DeliveryNote[];
  counts: { sent: number; skipped: number };
}): string {
  const { state, inbox, recent, counts } = view;
  const agents = state.agents.map((agent) => text(agent.name)).join(', ');
  const lines = [
    `**Session** ${text(view.input.sessionId)}`,
    `**Agent** ${agents || 'not named yet'}`,
    `**Status** ${state.status.replaceAll('_', ' ')}`,
    `**Events** ${inbox.watermark} decided${inbox.lastSeq > inbox.watermark ? `, ${inbox.lastSeq - inbox.watermark} waiting` : ''}`,
    `**Messages** ${counts.sent} sent; ${counts.skipped} events matched no notification`,
  ];
  if (view.waitingForAgent) lines.push('**Waits for** an agent to be named, at most 5 seconds');
  else if (isEnded(state.status)) lines.push('**Waits for** late events, then closes');
  else lines.push('**Waits for** the next event');
  if (recent.length > 0) {
    lines.push('', '**Last messages**', '');
    for (const note of recent) {
      lines.push(`- ${spacedEventName(note.event)} (event ${note.seq}) to ${text(note.to)}: ${note.status}`);
    }
  }
  return lines.join('\n\n').replaceAll('\n\n- ', '\n- ');
}

/** One line for a batch's activity: `Slack #operations-alerts: Execution Failed`. At most 200 bytes by the server's rule. */
export function batchSummary(plan: BatchPlan, events: SessionEvent[], ruleSets: ReadonlyMap<string, RuleSet>): string {
  const first = plan.matched[0];
  if (!first) return events.length === 1 ? `${eventName(events[0]!)}: nothing to send` : `${events.length} events: nothing to send`;
  const labels = labelsSent(plan, first.seq, ruleSets);
  // Three bytes a character at most.
  const to = labels.length === 0 ? 'to be judged by the stored event' : text(labels[0]!).slice(0, 30);
  const furtherLabels = labels.length > 1 ? ` and ${labels.length - 1} more` : '';
  const furtherEvents = plan.matched.length > 1 ? ` and ${plan.matched.length - 1} more` : '';
  return `${to}${furtherLabels}: ${eventName(first)}${furtherEvents}`;
}

/** Where the messages about one event go. */
function labelsSent(plan: BatchPlan, seq: number, ruleSets: ReadonlyMap<string, RuleSet>): string[] {
  const codes = new Map(plan.decided.find(({ fromSeq, toSeq }) => fromSeq <= seq && seq <= toSeq)?.outcomes);
  const labels: string[] = [];
  for (const { id, notifications } of ruleSets.values()) {
    for (const [position, outcome] of decodeOutcome(codes.get(id) ?? '').entries()) {
      if (outcome === 'sent') labels.push(notifications[position]?.label ?? 'a notification');
    }
  }
  return labels;
}

function eventName({ type }: { type: string }): string {
  return spacedEventName(type).slice(0, 60);
}

/** Text from outside, harmless inside Markdown. */
function text(value: string): string {
  return value.replaceAll(/[`*_[\]<>\\\s]+/g, ' ').slice(0, 80);
}
