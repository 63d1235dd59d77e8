import { z } from 'zod';
import { approveAction, rejectAction } from '../../activities/channels/slack/confirmation.ts';

/** What a person did to a message, as far as Herald looks: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload */
const interaction = z.object({
  type: z.string(),
  user: z.object({ id: z.string().max(100), name: z.string().max(100).optional(), username: z.string().max(100).optional() }).optional(),
  team: z.object({ id: z.string() }).nullish(),
  actions: z.array(z.object({ action_id: z.string().optional(), value: z.string().optional() })).optional(),
  response_url: z.url().optional(),
});

/** A click on Approve or Reject. */
export interface Click {
  /** The delivery whose message carries the button. */
  deliveryId: string;
  decision: 'approve' | 'reject';
  /** The workspace in which it happened. */
  teamId: string | undefined;
  /** Who clicked, for people. */
  by: string;
  /** Where Slack takes a word to that person alone. */
  responseUrl: string | undefined;
}

/** The click in the body of an interaction; undefined when it is none of Herald's buttons. */
export function readClick(body: Buffer): Click | undefined {
  const parsed = interaction.safeParse(parse(new URLSearchParams(body.toString('utf8')).get('payload')));
  if (!parsed.success || parsed.data.type !== 'block_actions' || !parsed.data.user) return undefined;
  const { user, team, actions = [], response_url: responseUrl } = parsed.data;
  for (const { action_id: action, value } of actions) {
    const decision = action === approveAction ? 'approve' : action === rejectAction ? 'reject' : undefined;
    if (decision && value !== undefined && /^dlv_\w{1,64}$/.test(value)) {
      const by = `${user.name ?? user.username ?? 'somebody'} (Slack ${user.id})`.replaceAll('\0', '').toWellFormed();
      return { deliveryId: value, decision, teamId: team?.id, by, responseUrl };
    }
  }
  return undefined;
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
