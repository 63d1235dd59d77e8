import type { Channel } from '../channel.ts';
import { describeSlack, hasChannels, mergeSlack, slackDestinations, slackInput, splitSlack } from './config.ts';
import { renderSlack } from './render.ts';
import { sendSlack, updateSlack } from './send.ts';

export const slack: Channel = {
  type: 'slack',
  inputSchema: slackInput,
  split: splitSlack,
  merge: mergeSlack,
  newSecret: () => undefined,
  destinations: slackDestinations,
  hasChannels,
  describe: describeSlack,
  render: renderSlack,
  send: sendSlack,
  update: updateSlack,
};
