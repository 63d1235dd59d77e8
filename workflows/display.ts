import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { decodeOutcome } from '../model/decisions.ts';
import { spacedEventName } from '../model/events.ts';
import { SEARCH_ATTRIBUTES } from '../model/naming.ts';
import { isEnded, type SessionState } from '../model/session.ts';
import type { RuleSet } from '../model/types.ts';
import type { DecidedRun } from '../activities/types.ts';
import type { Inbox } from './inbox.ts';
import type { DeliveryNote, SessionInput } from './messages.ts';

const statusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD');
const agentKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.agent, 'KEYWORD');
export const deliveryStatusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.deliveryStatus, 'KEYWORD');

/** Keeps the list of workflows in the Temporal UI in step: status and agent of the session. */
export function showInList(before: SessionState, now: SessionState): void {
  const agent = now.agents[0]?.name;
  const agentIsNew = agent !== undefined && agent !== before.agents[0]?.name;
  if (now.status !== before.status || agentIsNew) {
    upsertSearchAttributes([
      { key: statusKey, value: now.status },
      ...(agentIsNew ? [{ key: agentKey, value: agent.slice(0, 255) }] : []),
    ]);
  }
  if (agentIsNew) upsertMemo({ agent });
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
export function batchSummary(decided: DecidedRun[], eventTypes: Map<number, string>, ruleSets: ReadonlyMap<string, RuleSet>): string {
  const sends: string[] = [];
  let events = 0;
  for (const run of decided) {
    events += run.toSeq - run.fromSeq + 1;
    for (const [id, code] of run.outcomes) {
      if (!code.includes('s')) continue;
      const rules = [...ruleSets.values()].find((set) => set.id === id);
      for (const [position, outcome] of decodeOutcome(code).entries()) {
        if (outcome !== 'sent') continue;
        const to = rules?.notifications[position]?.label ?? 'a notification';
        for (let seq = run.fromSeq; seq <= run.toSeq; seq += 1) {
          sends.push(`${text(to)}: ${spacedEventName(eventTypes.get(seq) ?? '')}`);
        }
      }
    }
  }
  const skipped = events === 1 ? `${spacedEventName([...eventTypes.values()][0] ?? 'Event')}: nothing to send` : `${events} events: nothing to send`;
  if (sends.length === 0) return skipped.slice(0, 100);
  return `${sends[0]!.slice(0, 80)}${sends.length > 1 ? ` and ${sends.length - 1} more` : ''}`;
}

/** Text from outside, harmless inside Markdown. */
function text(value: string): string {
  return value.replaceAll(/[`*_[\]<>\\\s]+/g, ' ').slice(0, 80);
}
