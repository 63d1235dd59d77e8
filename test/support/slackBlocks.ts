import { z } from 'zod';

/** The limits of Block Kit for the blocks that a message may have, as Slack documents and enforces them. */
const textObject = (maxLength: number) =>
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(maxLength), emoji: z.boolean().optional() }),
    z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(maxLength), verbatim: z.boolean().optional() }),
  ]);

const plainText = (maxLength: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(maxLength), emoji: z.boolean().optional() });

const blockId = z.string().max(255).optional();
const imageUrl = z.url().max(3000);
const altText = z.string().min(1).max(2000);

const button = z.strictObject({
  type: z.literal('button'),
  text: plainText(75),
  action_id: z.string().max(255).optional(),
  url: z.url().max(3000).optional(),
  value: z.string().max(2000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
});

const image = z.strictObject({ type: z.literal('image'), image_url: imageUrl, alt_text: altText });

const section = z
  .strictObject({
    type: z.literal('section'),
    block_id: blockId,
    text: textObject(3000).optional(),
    fields: z.array(textObject(2000)).min(1).max(10).optional(),
    accessory: z.union([button, image]).optional(),
    expand: z.boolean().optional(),
  })
  .refine(({ text, fields }) => text !== undefined || fields !== undefined, 'missing required field: text or fields');

const block = z.discriminatedUnion('type', [
  section,
  z.strictObject({ type: z.literal('header'), block_id: blockId, text: plainText(150) }),
  z.strictObject({ type: z.literal('divider'), block_id: blockId }),
  z.strictObject({
    type: z.literal('context'),
    block_id: blockId,
    elements: z.array(z.union([textObject(3000), image])).min(1).max(10),
  }),
  z.strictObject({ type: z.literal('actions'), block_id: blockId, elements: z.array(button).min(1).max(25) }),
  z.strictObject({ type: z.literal('image'), block_id: blockId, image_url: imageUrl, alt_text: altText, title: plainText(2000).optional() }),
]);

const blocks = z.array(block).max(50);
const attachments = z.array(z.looseObject({ blocks: blocks.optional() })).max(100);

/** What Slack would object to, each with the place in the message; empty when it would accept the blocks. */
export function blockProblems(message: { blocks?: unknown; attachments?: unknown }): string[] {
  const result = z.object({ blocks: blocks.optional(), attachments: attachments.optional() }).safeParse(message);
  return result.success
    ? []
    : result.error.issues.map((issue) => `[ERROR] ${issue.message} [json-pointer:/${issue.path.join('/')}]`);
}
