import { describe, expect, it } from 'vitest';
import type { Message, MessageConfirmation } from '../../../activities/channels/channel.ts';
import { channels } from '../../../activities/channels/index.ts';
import { keepable } from '../../../activities/questions.ts';
import type { JsonObject } from '../../../model/types.ts';
import { exampleMessage } from '../../support/message.ts';
import { blockProblems } from '../../support/slackBlocks.ts';
import { buttonsOf } from '../../support/slackClick.ts';

const slack = channels.slack!;
const webhook = channels.webhook!;
const { config: webhookConfig } = webhook.split({ url: 'https://example.com' });

const open: MessageConfirmation = {
  id: 'cnf_1',
  status: 'pending',
  decidedBy: null,
  reason: null,
  expiresAt: '2026-03-14T12:00:00.000Z',
  onTimeout: 'cancel',
  url: 'https://herald.example.com/decide?link=abc|<d>',
};

function asked(changes: Partial<MessageConfirmation> = {}): Message {
  return exampleMessage({ eventType: 'ExecutionAwaitingConfirmation', payload: { message: 'Refund?' }, confirmation: { ...open, ...changes } });
}

interface SlackBody {
  blocks: never[];
  attachments: never[];
}

function inSlack(message: Message, config: JsonObject = { channel: '#approvals', interactive: true }): SlackBody & { text: string } {
  const body = slack.render(message, config).body as unknown as SlackBody;
  expect(blockProblems(body)).toEqual([]);
  return { ...body, text: JSON.stringify(body) };
}

describe('an open question', () => {
  it('has buttons in Slack where clicks can be answered, and no link', () => {
    const body = inSlack(asked());
    expect(buttonsOf(body)).toEqual({
      Approve: { action_id: 'herald_approve', value: asked().deliveryId },
      Reject: { action_id: 'herald_reject', value: asked().deliveryId },
    });
    expect(body.text).toContain('Waits until 2026-03-14 12:00:00 UTC, then the session is cancelled.');
    expect(body.text).not.toContain('/decide');
  });

  it.each<JsonObject>([{ channel: '#approvals' }, { webhook_host: 'hooks.slack.com' }])('has a link in Slack with the configuration %j', (config) => {
    const body = inSlack(asked({ expiresAt: null }), config);
    expect(buttonsOf(body)).toEqual({});
    expect(body.text).toContain('*<https://herald.example.com/decide?link=abc%7C&lt;d&gt;|Approve or reject>*');
    expect(body.text).not.toContain('Waits until');
  });

  it('has a link in a webhook', () => {
    const { body } = webhook.render(asked(), webhookConfig);
    expect(body).toMatchObject({ info: { confirmation: { id: 'cnf_1', status: 'pending', expires_at: open.expiresAt, on_timeout: 'cancel', decision_url: open.url } } });
  });
});

describe('an answered question', () => {
  it.each<[Partial<MessageConfirmation>, string]>([
    [{ status: 'approved', decidedBy: 'alice', reason: 'In budget' }, '✅ Approved by alice: In budget'],
    [{ status: 'rejected', decidedBy: '<!channel>', reason: ' ' }, '⛔ Rejected by &lt;!channel&gt;'],
    [{ status: 'approved', decidedBy: null }, '✅ Approved'],
    [{ status: 'rejected', decidedBy: 'timeout', reason: 'timeout' }, '⛔ Rejected: nobody answered in time'],
    [{ status: 'cancelled', decidedBy: 'timeout', reason: 'timeout' }, '⚪ Cancelled: nobody answered in time'],
    [{ status: 'cancelled' }, '⚪ Not needed any more'],
  ])('%j says in Slack: %s', (changes, text) => {
    const body = inSlack(asked(changes));
    expect(body.text).toContain(`"text":"${text}"`);
    expect(buttonsOf(body)).toEqual({});
    expect(body.text).not.toContain('/decide');
  });

  it('says in a webhook who answered, without a link', () => {
    const { body } = webhook.render(asked({ status: 'approved', decidedBy: 'alice', reason: 'In budget' }), webhookConfig);
    const { info } = body as { info: Record<string, unknown> };
    expect(info.confirmation).toEqual({ id: 'cnf_1', status: 'approved', decided_by: 'alice', reason: 'In budget' });
  });
});

describe('what is kept of an attempt', () => {
  const link = 'https://herald.example.com/decide?link=AbC_-9';
  const spellings = [link, encodeURIComponent(link), link.replaceAll('/', '\\/'), link.replace('?', '\\u003f').replace('=', '\\u003D'), link.slice(0, -2)];

  it.each(spellings)('has no link, also when the destination repeats it as %s', (spelling) => {
    for (const result of [
      { ok: true as const, statusCode: 200, response: `got "${spelling}"`, durationMs: 1 },
      { ok: false as const, kind: 'retryable' as const, error: `bad ${spelling}`, statusCode: 400, response: spelling, durationMs: 1 },
    ]) {
      const kept = JSON.stringify(keepable(result, asked()));
      expect(kept).not.toMatch(/AbC/);
      expect(kept).toContain('(hidden)');
    }
  });

  it('names the question beside the message that can be changed', () => {
    const result = { ok: true as const, statusCode: 200, response: null, durationMs: 1, reference: { channel: 'C1', ts: '1.2' } };
    expect(keepable(result, asked())).toMatchObject({ reference: { channel: 'C1', ts: '1.2', confirmation: 'cnf_1' } });
    expect(keepable(result, exampleMessage())).toBe(result);
  });
});
