import { createHmac } from 'node:crypto';
import type { SlackMessage } from './slackStandIn.ts';

export interface ClickOptions {
  /** The app's signing secret. */
  secret: string;
  user?: { id: string; name?: string };
  team?: string;
  /** Seconds by which Slack's clock is off. */
  clockOffS?: number;
  responseUrl?: string;
}

/** A request as Slack makes it when somebody clicks on a button of a message. */
export interface SignedRequest {
  body: string;
  headers: Record<string, string>;
}

/** The buttons of a message, by their labels. */
export function buttonsOf({ blocks, attachments }: Pick<SlackMessage, 'blocks' | 'attachments'>): Record<string, { action_id: string; value: string }> {
  const buttons: Record<string, { action_id: string; value: string }> = {};
  JSON.stringify([blocks, attachments], (_, value: unknown) => {
    if (isButton(value)) buttons[value.text.text] = { action_id: value.action_id, value: value.value };
    return value;
  });
  return buttons;
}

export function clickOn(message: SlackMessage, label: string, options: ClickOptions): SignedRequest {
  const button = buttonsOf(message)[label];
  if (!button) throw new Error(`The message has no button '${label}': ${JSON.stringify([message.blocks, message.attachments])}`);
  const { user = { id: 'U0000000007', name: 'alice' }, team = 'T0000000001', responseUrl } = options;
  const payload = {
    type: 'block_actions',
    user: { ...user, team_id: team },
    team: { id: team, domain: 'stand-in' },
    api_app_id: 'A0000000001',
    container: { type: 'message_attachment', message_ts: message.ts },
    message: { ts: message.ts, text: message.text, blocks: message.blocks, attachments: message.attachments },
    ...(responseUrl === undefined ? {} : { response_url: responseUrl }),
    actions: [{ type: 'button', block_id: 'herald_confirmation', ...button }],
  };
  return signed(new URLSearchParams({ payload: JSON.stringify(payload) }).toString(), options);
}

/** Signs a body as Slack does: https://docs.slack.dev/authentication/verifying-requests-from-slack */
export function signed(body: string, { secret, clockOffS = 0 }: Pick<ClickOptions, 'secret' | 'clockOffS'>): SignedRequest {
  const timestamp = Math.floor(Date.now() / 1000) + clockOffS;
  const digest = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex');
  return {
    body,
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      'X-Slack-Request-Timestamp': String(timestamp),
      'X-Slack-Signature': `v0=${digest}`,
    },
  };
}

function isButton(value: unknown): value is { text: { text: string }; action_id: string; value: string } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'button';
}
