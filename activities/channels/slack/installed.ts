import type { JsonObject } from '../../../model/types.ts';
import type { StoredConfig } from '../channel.ts';
import { readConfig } from './config.ts';

/** What Slack gave when somebody allowed the app in a workspace. */
export interface SlackGrant {
  botToken: string;
  team: { id: string; name: string };
  /** Base URL of the Web API; absent, Slack's own. */
  apiUrl?: string;
  /** Whether clicks on the app's buttons can be verified. */
  interactive: boolean;
}

/** The configuration after an install. Of the one before it the channel stays, and whether the app may join others. */
export function installedSlack(grant: SlackGrant, chosenChannel: string | null, before: JsonObject = {}): StoredConfig {
  const { channel, join_public_channels } = readConfig(before);
  const target = chosenChannel ?? channel;
  return {
    config: {
      ...(target !== undefined && { channel: target }),
      ...(join_public_channels !== undefined && { join_public_channels }),
      ...(grant.apiUrl !== undefined && { api_url: grant.apiUrl }),
      ...(grant.interactive && { interactive: true }),
      team: grant.team,
    },
    secrets: { bot_token: grant.botToken },
  };
}
