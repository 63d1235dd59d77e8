const app = 'the Slack app';

/** Of a server that only says it is Slack, a code may be of any length. */
const LONGEST_CODE = 100;

/** Answers of Slack that no later attempt can change, each with what to do. */
const permanent: Record<string, string> = {
  channel_not_found: `the channel does not exist, or it is private and ${app} is not in it; check the channel of the integration or notification`,
  not_in_channel: `${app} is not in the channel; invite it there with /invite, or let it join public channels (scope channels:join)`,
  is_archived: 'the channel is archived; choose another channel',
  channel_is_archived: 'the channel is archived; choose another channel or make a new incoming webhook',
  channel_is_limited_access: `only certain people may post in the channel; let ${app} do so or choose another channel`,
  restricted_action: `the workspace does not let ${app} post here; ask an administrator of the workspace`,
  action_prohibited: 'the workspace does not let incoming webhooks post here; ask an administrator of the workspace',
  invalid_auth: 'the bot token is not valid; set bot_token to the current one',
  not_authed: 'no bot token was sent; set bot_token',
  token_revoked: 'the bot token was revoked; install the app again and set bot_token',
  token_expired: 'the bot token has expired; set bot_token to the current one',
  account_inactive: 'the app was removed or its workspace deleted; install the app again and set bot_token',
  missing_scope: `${app} lacks the scope chat:write; add it, install the app again and set bot_token`,
  no_permission: `${app} may not post here; make it a member of the channel`,
  not_allowed_token_type: 'the token is of the wrong kind; set bot_token to a bot token (xoxb-…)',
  no_service: 'the incoming webhook was removed or disabled; make a new one and set webhook_url',
  no_active_hooks: 'the incoming webhook was disabled; make a new one and set webhook_url',
  no_team: 'the workspace of the incoming webhook does not exist; set webhook_url to a current one',
  team_disabled: 'the workspace of the incoming webhook is disabled; set webhook_url to a current one',
  invalid_token: 'the incoming webhook is not valid; set webhook_url to a current one',
  invalid_payload: 'Slack did not accept the form of the message; please report this as a fault of Herald',
  invalid_blocks: 'Slack did not accept the layout of the message; please report this as a fault of Herald',
  invalid_blocks_format: 'Slack did not accept the layout of the message; please report this as a fault of Herald',
  invalid_attachments: 'Slack did not accept the layout of the message; please report this as a fault of Herald',
  msg_too_long: 'the message was too long for Slack; please report this as a fault of Herald',
  msg_blocks_too_long: 'the message was too long for Slack; please report this as a fault of Herald',
  message_not_found: 'the message was deleted',
  cant_update_message: 'the message belongs to another app; it was sent before bot_token changed',
  edit_window_closed: 'the workspace does not let messages of this age be changed',
  no_text: 'Slack found no text in the message; please report this as a fault of Herald',
};

/** The kind of failure that an error code of Slack stands for, and a sentence that says what to do. Unknown codes may pass. */
export function slackFailure(code: string): { kind: 'permanent' | 'retryable'; error: string } {
  const advice = Object.hasOwn(permanent, code) ? permanent[code] : undefined;
  if (advice) return { kind: 'permanent', error: `Slack answered ${code}: ${advice}` };
  if (code === 'ratelimited' || code === 'rate_limited') {
    return { kind: 'retryable', error: `Slack answered ${code}: too many messages for the moment` };
  }
  return { kind: 'retryable', error: `Slack answered ${code.length > LONGEST_CODE ? `${code.slice(0, LONGEST_CODE).toWellFormed()}…` : code}` };
}
