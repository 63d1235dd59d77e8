import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Message } from '../../../activities/channels/channel.ts';
import { channels } from '../../../activities/channels/index.ts';
import { escapeAndCut } from '../../../activities/channels/slack/text.ts';
import { eventCatalogue } from '../../../model/events.ts';
import type { JsonObject } from '../../../model/types.ts';
import { exampleMessage } from '../../support/message.ts';
import { blockProblems } from '../../support/slackBlocks.ts';

const slack = channels.slack!;

const slackBody = z.looseObject({
  channel: z.string().optional(),
  text: z.string(),
  blocks: z.array(z.unknown()),
  attachments: z.tuple([z.object({ color: z.string(), blocks: z.array(z.unknown()) })]),
});
type SlackBody = z.infer<typeof slackBody>;

function render(changes: Partial<Message> = {}, config: JsonObject = { channel: '#operations-alerts' }): SlackBody {
  const { body } = slack.render(exampleMessage(changes), config);
  return slackBody.parse(body);
}

function colour(eventType: string, payload: JsonObject = {}): string {
  return render({ eventType, payload }).attachments[0].color;
}

/** All texts of the layout, in order. */
function texts(body: SlackBody): string[] {
  const found: string[] = [];
  JSON.stringify([body.blocks, body.attachments], (key, value: unknown) => {
    if (key === 'text' && typeof value === 'string') found.push(value);
    return value;
  });
  return found;
}

describe("Slack's message", () => {
  it.each<[string, string, JsonObject]>([
    ['🔴 Execution Failed - Payment gateway timeout', 'ExecutionFailed', { reason: 'Payment gateway timeout' }],
    [
      '🟡 Execution Completed - Payment declined for Order #12345',
      'ExecutionCompleted',
      { outcome: 'payment_declined', reasoning: 'Payment declined for Order #12345' },
    ],
    ['🟢 Execution Completed - All done', 'ExecutionCompleted', { outcome: 'success', result: 'All done' }],
    ['⚪ Execution Cancelled - timeout', 'ExecutionCancelled', { reason: 'timeout' }],
    ['🔵 Execution Started', 'ExecutionStarted', {}],
  ])('says in one line: %s', (line, eventType, payload) => {
    const body = render({ eventType, payload });
    expect(body.text).toBe(line);
    expect(texts(body)[0]).toBe(line);
  });

  it('names the agent and links to the session', () => {
    expect(texts(render())).toEqual(
      expect.arrayContaining(['Order processing', '<https://herald.example.com/sessions/session-1|Open session>']),
    );
  });

  it('ends with when, where and which event it was, and the metadata', () => {
    expect(texts(render()).slice(-2)).toEqual(['2024-03-14 12:05:00 UTC · session session-1 · event 7', 'environment: production']);
  });

  it.each<[string, JsonObject, string[]]>([
    [
      'ExecutionCompleted',
      { outcome: 'success', result: { order: 1 }, reasoning: 'Paid' },
      ['Outcome: success', 'Result: {\n  "order": 1\n}', 'Reasoning: Paid'],
    ],
    ['ExecutionFailed', { reason: 'Crashed', os_error: 'ENOSPC' }, ['Reason: Crashed', 'Error: ENOSPC']],
    ['ExecutionCancelled', { reason: 'max_steps' }, ['Reason: max_steps']],
    ['ExecutionPaused', { reason: 'Unsure', question: 'Which account?' }, ['Reason: Unsure', 'Question: Which account?']],
    ['ExecutionActionFailed', { message: 'No such row', actionName: 'query', actionId: 'a1' }, ['Action: query', 'Reason: No such row']],
    ['UserMessageReceived', { message: 'Stop', userUUID: 'u1' }, ['Message: Stop']],
    ['order.refunded', { amount: 12, currency: 'EUR' }, ['amount: 12', 'currency: EUR']],
  ])('of %s shows %j as details', (eventType, payload, details) => {
    const shown = texts(render({ eventType, payload }));
    expect(shown.slice(5, 5 + details.length)).toEqual(details);
  });

  it.each<[string, string, string, JsonObject?]>([
    ['ExecutionFailed', 'red', '#d92d20'],
    ['ExecutionActionFailed', 'red', '#d92d20'],
    ['IntegrationDisabled', 'red', '#d92d20'],
    ['ExecutionCompleted', 'green', '#12a150', { outcome: 'Success' }],
    ['ExecutionCompleted', 'yellow', '#e5a50a', { outcome: 'payment_declined' }],
    ['ExecutionCompleted', 'yellow', '#e5a50a', {}],
    ['ExecutionAwaitingConfirmation', 'yellow', '#e5a50a'],
    ['IntegrationFailing', 'yellow', '#e5a50a'],
    ['ExecutionCancelled', 'grey', '#98a2b3'],
    ['ExecutionStarted', 'blue', '#2e7cf6'],
    ['ExecutionPaused', 'blue', '#2e7cf6'],
    ['ExecutionResumed', 'blue', '#2e7cf6'],
    ['order.refunded', 'blue', '#2e7cf6'],
  ])('of %s is %s', (eventType, _, expected, payload = {}) => {
    expect(colour(eventType, payload)).toBe(expected);
  });

  it('goes to the channel of the notification before that of the integration', () => {
    expect(render().channel).toBe('#operations-alerts');
    expect(render({ channel: '#night-shift' }).channel).toBe('#night-shift');
  });

  it('names no channel to an incoming webhook, which has its own', () => {
    expect(render({ channel: '#night-shift' }, { webhook_host: 'hooks.slack.com' })).not.toHaveProperty('channel');
  });

  it('is marked when it is a test', () => {
    const body = render({ test: true, seq: null });
    expect(body.text).toBe('[Test] 🔴 Execution Failed - Payment gateway timeout');
    expect(texts(body)).toContain('This is a test message: nothing has happened.');
    expect(texts(body).join()).not.toContain('event 7');
  });
});

describe('content from outside', () => {
  const nasty = '<!channel> & <https://evil.example.com|click> *bold* _x_ `code` </script>';
  const escaped = '&lt;!channel&gt; &amp; &lt;https://evil.example.com|click&gt; *bold* _x_ `code` &lt;/script&gt;';
  const body = render({
    payload: { reason: nasty },
    agent: { id: 'a', name: nasty },
    session: { id: nasty, url: 'https://herald.example.com/sessions/a|<!here>' },
    metadata: { [nasty]: nasty },
    eventType: 'ExecutionFailed',
  });

  it('cannot mention, link or call anybody: & < > are escaped everywhere', () => {
    expect(body.text).toBe(`🔴 Execution Failed - ${escaped}`);
    expect(JSON.stringify(body)).not.toMatch(/<!|<https:\/\/evil/);
  });

  it('cannot format: it is plain text, and only words of Herald are mrkdwn', () => {
    expect(body.mrkdwn).toBe(false);
    const markup: string[] = [];
    JSON.stringify(body, (_, value: unknown) => {
      if (typeof value === 'object' && value && 'type' in value && value.type === 'mrkdwn' && 'text' in value) markup.push(String(value.text));
      return value;
    });
    expect(markup).toEqual(['*Agent*', '*Session*', '<https://herald.example.com/sessions/a%7C&lt;!here&gt;|Open session>']);
  });
});

describe("Slack's limits", () => {
  const long = '&🔴é'.repeat(20_000);

  it('hold for every event type, however long its content is', () => {
    for (const { name, payloadFields } of eventCatalogue) {
      const payload = Object.fromEntries(payloadFields.map((field) => [field.name, long]));
      expect(blockProblems(render({ eventType: name, payload }))).toEqual([]);
    }
  });

  it('hold for long and for empty names, metadata and unknown events', () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`key-${index}`, long.slice(0, 500)]));
    const extremes = { agent: { id: 'a', name: long }, session: { id: long, url: 'https://herald.example.com/s' }, metadata: many };
    expect(blockProblems(render({ ...extremes, eventType: 'custom', payload: many }))).toEqual([]);
    const empty = { agent: { id: '', name: '' }, session: { id: '', url: 'https://herald.example.com/s' }, metadata: {}, payload: {} };
    expect(blockProblems(render({ ...empty, eventType: 'custom' }))).toEqual([]);
  });

  it('cut with … behind a whole character', () => {
    expect(escapeAndCut('abc', 3)).toBe('abc');
    expect(escapeAndCut('abcd', 3)).toBe('ab…');
    expect(escapeAndCut('a&b', 5)).toBe('a…');
    expect(escapeAndCut('a&b', 7)).toBe('a&amp;b');
    expect(escapeAndCut('a🔴🔴', 4)).toBe('a🔴…');
    expect(escapeAndCut('a b', 3)).toBe('a b');
    expect(escapeAndCut('a bc', 3)).toBe('a…');
  });
});
