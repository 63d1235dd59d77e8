import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import type { CommandInput } from '../activities/types.ts';
import { decodeOutcome } from '../model/decisions.ts';
import { spacedEventName } from '../model/events.ts';
import { SEARCH_ATTRIBUTES } from '../model/naming.ts';
import { afterTheWait, waitEndsAt } from '../model/deadlines.ts';
import { isEnded, isPaused, isWaiting, type SessionState } from '../model/session.ts';
import { effectiveTimeouts } from '../model/timeouts.ts';
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
  const waitsAnew = now.waitsFor !== before.waitsFor;
  if (agentIsNew || waitsAnew) upsertMemo({ ...(agentIsNew ? { agent } : {}), ...(waitsAnew ? { waits_for: now.waitsFor ?? null } : {}) });
  return now;
}

/** What the list of workflows is to show of a session. */
export function inList(state: SessionState, keepsTime?: boolean): ShownInList {
  const agent = state.agents[0]?.name;
  const waitsFor = keepsTime ? waitText(state) : undefined;
  return { status: state.status, ...(agent === undefined ? {} : { agent }), ...(waitsFor === undefined ? {} : { waitsFor }) };
}

const afterwards = { approve: 'it is approved', reject: 'it is rejected', cancel: 'the session is cancelled' };

/** What a paused or asking session waits for, and until when; undefined for others. */
function waitText(state: SessionState): string | undefined {
  if (!isWaiting(state.status)) return undefined;
  const what = isPaused(state.status) ? 'somebody to resume it' : 'an answer: approve or reject';
  const end = waitEndsAt(state);
  return end === null ? what : `${what}, until ${instant(end)}; then ${afterwards[afterTheWait(state)]}`;
}

/** What happens to a session in which nothing happens. */
function idleText(state: SessionState): string {
  const { idleMs } = effectiveTimeouts(state.timeouts);
  return idleMs === null ? '' : `; cancelled after ${durationText(idleMs)} of silence`;
}

function durationText(ms: number): string {
  if (ms >= 7_200_000) return `${Math.round(ms / 3_600_000)} hours`;
  return ms >= 120_000 ? `${Math.round(ms / 60_000)} minutes` : `${Math.round(ms / 1000)} seconds`;
}

/** `2026-03-14 12:00:05 UTC` */
function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
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
    ...(state.lastEventType === null ? [] : [`**Last event** ${eventName({ type: state.lastEventType })}`]),
    `**Events** ${inbox.watermark} decided${inbox.lastSeq > inbox.watermark ? `, ${inbox.lastSeq - inbox.watermark} waiting` : ''}`,
    `**Messages** ${counts.sent} sent; ${counts.skipped} events matched no notification`,
  ];
  if (view.waitingForAgent) lines.push('**Waits for** an agent to be named, at most 5 seconds');
  else if (isEnded(state.status)) lines.push('**Waits for** late events, then closes');
  else lines.push(`**Waits for** ${waitText(state) ?? `the next event${view.input.keepsTime ? idleText(state) : ''}`}`);
  const { maxDurationMs } = effectiveTimeouts(state.timeouts);
  if (maxDurationMs !== null && state.startedAt && !isEnded(state.status)) {
    lines.push(`**Ends** at the latest ${instant(Date.parse(state.startedAt) + maxDurationMs)}`);
  }
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

/** One line for a command's activity: `Pause, by sarah@example.com`. */
export function commandSummary({ command, by }: CommandInput): string {
  return `${capitalised(command)}, by ${text(by).slice(0, 40)}`;
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
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
