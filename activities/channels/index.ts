import type { Channel } from './channel.ts';
import { slack } from './slack/index.ts';
import { webhook } from './webhook/index.ts';

export type { Channel, Destination, Message, Rendered, SendIo, StoredConfig } from './channel.ts';

/** Every channel by its type, as integrations name it. Without prototype, so that no other name finds anything. */
export const channels: Readonly<Record<string, Channel>> = Object.assign(Object.create(null), { webhook, slack });
