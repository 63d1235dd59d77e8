import fc from 'fast-check';
import { expect, test } from 'vitest';
import { channels } from '../../../activities/channels/index.ts';
import { eventCatalogue } from '../../../model/events.ts';
import type { Json, JsonObject } from '../../../model/types.ts';
import { exampleMessage } from '../../support/message.ts';
import { blockProblems } from '../../support/slackBlocks.ts';

const slack = channels.slack!;
const sessionUrl = 'https://herald.example.com/sessions/s';

/** Texts as somebody would send them who wants to mention, link or format. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc
    .array(fc.constantFrom('<!channel>', '<!here|x>', '<@U0123456789>', '<#C0123456789>', '<https://evil.example.com|click>', '&lt;!channel&gt;', '<', '>', '|', '&', '*', '_', '~', '`', '```', '\n> ', '\0', '\u2028', '🔴'), { maxLength: 40 })
    .map((parts) => parts.join('')),
);
const payload: fc.Arbitrary<JsonObject> = fc.dictionary(
  fc.oneof(nasty, fc.constantFrom(...eventCatalogue.flatMap(({ payloadFields }) => payloadFields.map(({ name }) => name)))),
  fc.oneof(nasty, fc.jsonValue().map((value) => value as Json)),
  { maxKeys: 12 },
);
const message = fc
  .record({
    eventType: fc.oneof(fc.constantFrom(...eventCatalogue.map(({ name }) => name)), fc.constant('order.refunded')),
    eventId: nasty,
    payload,
    metadata: fc.dictionary(nasty, nasty, { maxKeys: 5 }),
    session: nasty.map((id) => ({ id, url: sessionUrl })),
    agent: fc.record({ id: nasty, name: nasty }),
    test: fc.boolean(),
  })
  .map((changes) => exampleMessage(changes));

/** Every object in the message that Slack reads as text, by how Slack reads it. */
function textObjects(value: Json, found: { type: string; text: string }[] = []): { type: string; text: string }[] {
  if (typeof value !== 'object' || value === null) return found;
  const { type, text } = value as JsonObject;
  if (typeof text === 'string' && (type === 'mrkdwn' || type === 'plain_text')) found.push({ type, text });
  for (const inner of Object.values(value)) textObjects(inner, found);
  return found;
}

test('whatever an event contains, Slack reads no markup in it, and accepts the message', () => {
  fc.assert(
    fc.property(message, (given) => {
      const { body } = slack.render(given, { channel: '#alerts' });
      const { text = null, mrkdwn, parse, link_names, ...layout } = body as JsonObject;
      expect([mrkdwn, parse, link_names]).toEqual([false, undefined, undefined]);
      const texts = textObjects(layout);
      // What Slack formats are words of Herald and the link to the session, nothing from outside.
      expect(texts.filter(({ type }) => type === 'mrkdwn').map((each) => each.text)).toEqual(['*Agent*', '*Session*', `<${sessionUrl}|Open session>`]);
      // Mentions and links begin with <, which appears nowhere else, also where Slack shows the text without the layout.
      expect(text).toBeTypeOf('string');
      for (const each of [JSON.stringify(text), ...texts.filter(({ type }) => type === 'plain_text').map((other) => other.text)]) {
        expect(each).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
      }
      expect(blockProblems(body as JsonObject)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('a session id cannot end the link to its session', () => {
  fc.assert(
    fc.property(nasty, (id) => {
      const url = `https://herald.example.com/sessions/${encodeURIComponent(id.toWellFormed())}`;
      const { body } = slack.render(exampleMessage({ session: { id, url } }), { channel: '#alerts' });
      const link = textObjects(body).find(({ text }) => text.endsWith('|Open session>'));
      expect(link?.text).toMatch(/^<https:\/\/herald\.example\.com\/sessions\/[^<>|\s]*\|Open session>$/);
    }),
    { numRuns: 200 },
  );
});
