import type { Channel } from '../channel.ts';
import { mergeWebhook, readConfig, readSecrets, rotateSigningSecret, splitWebhook, webhookDestinations, webhookInput } from './config.ts';
import { renderWebhook } from './render.ts';
import { sendWebhook } from './send.ts';

export const webhook: Channel = {
  type: 'webhook',
  inputSchema: webhookInput,
  split: (input) => splitWebhook(input),
  merge: mergeWebhook,
  newSecret: (secrets) => readSecrets(secrets).signing[0]?.secret,
  rotateSecret: rotateSigningSecret,
  destinations: webhookDestinations,
  channelProblem: (_, chosen) => (chosen === null ? undefined : 'a webhook has one address and no channels to choose from; leave it out'),
  describe: (config) => `Webhook ${new URL(readConfig(config).url).host}`,
  render: renderWebhook,
  send: sendWebhook,
};
