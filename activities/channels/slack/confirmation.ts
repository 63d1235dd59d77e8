import type { JsonObject } from '../../../model/types.ts';
import type { Message, MessageConfirmation } from '../channel.ts';
import { linkTarget, plain, readableTime } from './text.ts';

/** How a click names its button; api/slack/interactions.ts reads them. */
export const approveAction = 'herald_approve';
export const rejectAction = 'herald_reject';

const textLimit = 1200;

/**
 * What a person can do about the question in a message, or what became of it.
 *
 * @param interactive Whether clicks can be answered; otherwise a link leads to a page.
 */
export function confirmationBlocks({ confirmation, deliveryId }: Message, interactive: boolean): JsonObject[] {
  if (!confirmation) return [];
  if (confirmation.status !== 'pending') return [{ type: 'section', text: plain(outcomeText(confirmation), textLimit) }];
  const ask: JsonObject = interactive
    ? { type: 'actions', block_id: 'herald_confirmation', elements: [button('Approve', approveAction, 'primary', deliveryId), button('Reject', rejectAction, 'danger', deliveryId)] }
    : { type: 'section', text: { type: 'mrkdwn', text: `*<${linkTarget(confirmation.url)}|Approve or reject>*` } };
  const until = deadlineText(confirmation);
  return until === undefined ? [ask] : [ask, { type: 'context', elements: [plain(until, textLimit)] }];
}

const symbols = { approved: '✅ Approved', rejected: '⛔ Rejected', cancelled: '⚪ Not needed any more' } as const;

function outcomeText({ status, decidedBy, reason }: MessageConfirmation): string {
  const what = symbols[status === 'pending' ? 'cancelled' : status];
  if (decidedBy === 'timeout') return `${status === 'cancelled' ? '⚪ Cancelled' : what}: nobody answered in time`;
  return `${what}${decidedBy === null ? '' : ` by ${decidedBy}`}${reason === null || reason.trim() === '' ? '' : `: ${reason}`}`;
}

const outcomes = { approve: 'it counts as approved', reject: 'it counts as rejected', cancel: 'the session is cancelled' } as const;

function deadlineText({ expiresAt, onTimeout }: MessageConfirmation): string | undefined {
  return expiresAt === null ? undefined : `Waits until ${readableTime(expiresAt)}, then ${outcomes[onTimeout]}.`;
}

function button(label: string, action: string, style: 'primary' | 'danger', value: string): JsonObject {
  return { type: 'button', text: { type: 'plain_text', text: label, emoji: true }, action_id: action, style, value };
}
