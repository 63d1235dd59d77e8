import { emojiOf, messageText } from '../../../model/messageText.ts';
import type { JsonObject } from '../../../model/types.ts';
import type { Message, Rendered } from '../channel.ts';
import { userAgent } from '../version.ts';
import { readConfig } from './config.ts';
import { confirmationBlocks } from './confirmation.ts';
import { detailsOf } from './details.ts';
import { escapeText, linkTarget, plain, readableTime } from './text.ts';

/** Slack's limits, in characters of the escaped text. */
const sectionLimit = 3000;
const fieldLimit = 2000;
/** Longer details are cut: the whole of it is behind the session's link. */
const detailLimit = 1200;
const metadataLimit = 500;

const colours: Record<string, string> = {
  '🔴': '#d92d20',
  '🟢': '#12a150',
  '🟡': '#e5a50a',
  '⚪': '#98a2b3',
  '🔵': '#2e7cf6',
};

/**
 * One line that notifications and screen readers show, and a Block Kit message with agent, link and details.
 * Whatever comes from outside is plain text: markup and mentions in it stay what they are, characters.
 */
export function renderSlack(message: Message, config: JsonObject): Rendered {
  const { webhook_host, channel, interactive = false } = readConfig(config);
  const target = webhook_host === undefined ? (message.channel ?? channel) : undefined;
  const line = messageText(message.eventType, message.payload);
  const text = message.test ? `[Test] ${line}` : line;
  return {
    headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': userAgent },
    body: {
      ...(target !== undefined && { channel: target }),
      text: escapeText(text),
      mrkdwn: false,
      unfurl_links: false,
      unfurl_media: false,
      blocks: [{ type: 'section', text: plain(text, sectionLimit) }, whoAndWhere(message)],
      attachments: [
        {
          color: colours[emojiOf(message.eventType, message.payload)] ?? '#2e7cf6',
          blocks: [...details(message), ...confirmationBlocks(message, interactive), context(message)],
        },
      ],
    },
  };
}

function whoAndWhere(message: Message): JsonObject {
  return {
    type: 'section',
    fields: [
      { type: 'mrkdwn', text: '*Agent*' },
      { type: 'mrkdwn', text: '*Session*' },
      plain(message.agent.name, fieldLimit),
      { type: 'mrkdwn', text: `<${linkTarget(message.session.url)}|Open session>` },
    ],
  };
}

function details(message: Message): JsonObject[] {
  return detailsOf(message.eventType, message.payload).map(({ label, text }) => ({
    type: 'section',
    text: plain(`${label}: ${text}`, detailLimit),
  }));
}

function context(message: Message): JsonObject {
  const metadata = Object.entries(message.metadata).map(([key, value]) => `${key}: ${value}`);
  const position = message.seq === null ? [] : [`event ${message.seq}`];
  const lines = [
    [readableTime(message.occurredAt), `session ${message.session.id}`, ...position].join(' · '),
    metadata.join(', '),
    message.test ? 'This is a test message: nothing has happened.' : '',
  ];
  const elements = lines.filter((line) => line !== '').map((line) => plain(line, metadataLimit));
  return { type: 'context', elements };
}
