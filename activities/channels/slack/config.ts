import { z } from 'zod';
import type { JsonObject } from '../../../model/types.ts';
import { urlFormProblem } from '../address.ts';
import type { Destination, StoredConfig } from '../channel.ts';
import { mergePatch } from '../mergePatch.ts';
import { strictConfig } from '../strictConfig.ts';

export const slackApiUrl = 'https://slack.com/api';

const url = z
  .string('must be a URL')
  .max(2048, 'must be at most 2048 characters long')
  .superRefine((value, context) => {
    const problem = urlFormProblem(value);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  });

const channelRule = 'must name a channel, such as #operations-alerts or C0123456789';

/** A name, with or without #, or an id. Slack's names have no spaces and no punctuation but - and _. */
function isChannel(text: string): boolean {
  return /^#?[\p{L}\p{M}\p{N}_-]{1,80}$/u.test(text);
}

/** `C0123456789`; names have no capital letters. */
export function isChannelId(channel: string): boolean {
  return /^[CGDU][A-Z0-9]{5,}$/.test(channel);
}

const eitherWay = 'give either webhook_url (an incoming webhook of Slack) or bot_token and channel (a Slack app with chat:write)';

export const slackInput = strictConfig({
  webhook_url: url.optional().describe("Slack's incoming webhook. It is bound to one channel. Stored encrypted and never shown again."),
  bot_token: z
    .string('must be text')
    .regex(/^[\x21-\x7e]{1,512}$/, 'must be the bot token of a Slack app (xoxb-…), without spaces')
    .optional()
    .describe('Bot token of a Slack app with the scope chat:write. Stored encrypted and never shown again.'),
  signing_secret: z
    .string('must be text')
    .regex(/^[\x21-\x7e]{8,512}$/, "must be the Slack app's signing secret, from its page Basic Information, without spaces")
    .optional()
    .describe('Signing secret of the Slack app: with it, questions carry buttons (docs/human-in-the-loop.md). Stored encrypted and never shown again.'),
  channel: z
    .string('must be text')
    .trim()
    .refine(isChannel, channelRule)
    .optional()
    .describe('Where messages go unless a notification chooses another channel: a name (#operations-alerts) or an id.'),
  join_public_channels: z
    .boolean('must be true or false')
    .optional()
    .describe('Whether the app joins a public channel by itself when it is to post there (scope channels:join). Default true.'),
  api_url: url.optional().describe(`Base URL of Slack's Web API, for GovSlack or a stand-in. Default ${slackApiUrl}.`),
})
  .superRefine(({ webhook_url, bot_token, signing_secret, channel, join_public_channels, api_url }, context) => {
    const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    const botFields = { bot_token, signing_secret, channel, join_public_channels, api_url };
    if (webhook_url === undefined) {
      if (bot_token === undefined) problem([], eitherWay);
      else if (channel === undefined) problem(['channel'], 'is needed with bot_token: the channel to post to');
      return;
    }
    for (const [field, value] of Object.entries(botFields)) {
      if (value !== undefined) problem([field], `cannot be combined with webhook_url; ${eitherWay}`);
    }
  })
  .describe('Slack, through an incoming webhook (webhook_url) or as an app (bot_token and channel).');

const slackConfig = z.object({
  /** Host of the incoming webhook; the rest of its URL is a secret. */
  webhook_host: z.string().optional(),
  channel: z.string().optional(),
  api_url: z.string().optional(),
  join_public_channels: z.boolean().optional(),
  /** Where the app was installed with a click. */
  team: z.object({ id: z.string(), name: z.string() }).optional(),
  /** The app's signing secret is known, so that its buttons can be answered. */
  interactive: z.boolean().optional(),
});

const slackSecrets = z.union([z.object({ webhook_url: z.string() }), z.object({ bot_token: z.string(), signing_secret: z.string().optional() })]);

export type SlackConfig = z.infer<typeof slackConfig>;
export type SlackSecrets = z.infer<typeof slackSecrets>;

export const readConfig = (config: JsonObject): SlackConfig => slackConfig.parse(config);
export const readSecrets = (secrets: JsonObject): SlackSecrets => slackSecrets.parse(secrets);

export function splitSlack(input: JsonObject): StoredConfig {
  const { webhook_url, bot_token, signing_secret, channel, join_public_channels, api_url } = slackInput.parse(input);
  if (webhook_url !== undefined) {
    return { config: { webhook_host: new URL(webhook_url).host }, secrets: { webhook_url } };
  }
  return {
    config: {
      ...(channel && { channel }),
      ...(join_public_channels !== undefined && { join_public_channels }),
      ...(api_url && { api_url }),
      ...(signing_secret && { interactive: true }),
    },
    secrets: { bot_token: bot_token ?? '', ...(signing_secret && { signing_secret }) },
  };
}

/**
 * A patch that names the other way of reaching Slack replaces the configuration; any other is merged. The token has to
 * be given again with a new `api_url`, so that nobody can send a stored one to a server of their own.
 */
export function mergeSlack(current: StoredConfig, patch: JsonObject): StoredConfig {
  if (typeof patch.api_url === 'string' && patch.bot_token === undefined) {
    const message = 'must be given again when api_url changes';
    throw new z.ZodError([{ code: 'custom', path: ['bot_token'], message, input: undefined }]);
  }
  const { team, webhook_host: _, interactive, ...shown } = readConfig(current.config);
  const secrets = readSecrets(current.secrets);
  const isWebhook = 'webhook_url' in secrets;
  const otherWay = isWebhook ? patch.bot_token : patch.webhook_url;
  if (typeof otherWay === 'string') return splitSlack(mergePatch({}, patch));
  if (isWebhook) return splitSlack(mergePatch(secrets, patch));
  const changed = splitSlack(mergePatch({ ...secrets, ...shown }, patch));
  if (!team || patch.bot_token !== undefined) return changed;
  // The app that was installed with a click is Herald's own, whose signing secret Herald knows.
  const isOwnApp = interactive === true && secrets.signing_secret === undefined;
  return { ...changed, config: { ...changed.config, team, ...(isOwnApp && { interactive }) } };
}

export function slackDestinations(config: JsonObject, secrets: JsonObject): Destination[] {
  const opened = readSecrets(secrets);
  if ('webhook_url' in opened) return [{ field: 'webhook_url', url: opened.webhook_url }];
  return [{ field: 'api_url', url: readConfig(config).api_url ?? slackApiUrl }];
}

/** What is wrong with the channel that a notification chooses, or with choosing none. */
export function channelProblem(config: JsonObject, chosen: string | null): string | undefined {
  const { webhook_host, channel } = readConfig(config);
  if (webhook_host !== undefined) return chosen === null ? undefined : 'an incoming webhook of Slack is bound to its channel; leave it out, or use a bot token';
  if (chosen === null) return channel === undefined ? 'must name a channel, because the integration has none of its own' : undefined;
  return isChannel(chosen) ? undefined : channelRule;
}

/** Slack's limit holds for each channel. */
export function limitedTogether(config: JsonObject, chosen: string | null): string {
  return (chosen ?? readConfig(config).channel ?? '').replace(/^#/, '');
}

export function describeSlack(config: JsonObject, chosen?: string | null): string {
  const { webhook_host, channel } = readConfig(config);
  return webhook_host === undefined ? `Slack ${chosen ?? channel ?? 'without a channel'}` : 'Slack incoming webhook';
}
