import type { Channel } from '../channel.ts';
import { listSlackChannels } from './channelList.ts';
import { channelProblem, describeSlack, limitedTogether, mergeSlack, slackDestinations, slackInput, splitSlack } from './config.ts';
import { renderSlack } from './render.ts';
import { sendSlack, updateSlack } from './send.ts';

export const slack: Channel = {
  type: 'slack',
  defaultRateLimit: { per_second: 1, burst: 1 },
  inputSchema: slackInput,
  split: splitSlack,
  merge: mergeSlack,
  newSecret: () => undefined,
  destinations: slackDestinations,
  channelProblem,
  listChannels: listSlackChannels,
  limitedTogether,
  describe: describeSlack,
  render: renderSlack,
  send: sendSlack,
  update: updateSlack,
};
