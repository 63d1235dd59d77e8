import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '../../../model/types.ts';
import { type SlackStandIn, startSlackStandIn } from '../../support/slackStandIn.ts';

let standIn: SlackStandIn;
beforeAll(async () => {
  standIn = await startSlackStandIn({
    channels: [{ name: 'alerts', id: 'C0ALERTS', is_member: false }, { name: 'general' }, { name: 'old', is_archived: true }],
  });
});
afterAll(() => standIn.close());

async function call(method: string, args: JsonObject = {}, token = 'xoxb-1'): Promise<JsonObject> {
  const response = await fetch(`${standIn.apiUrl}/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(args),
  });
  return z.record(z.string(), z.json()).parse(await response.json());
}

describe('the stand-in for Slack', () => {
  it('knows tokens', async () => {
    expect(await call('auth.test')).toMatchObject({ ok: true });
    expect(await call('auth.test', {}, 'wrong')).toEqual({ ok: false, error: 'invalid_auth' });
    expect(await call('no.such.method')).toEqual({ ok: false, error: 'unknown_method' });
  });

  it('lists channels in pages, also to a form', async () => {
    const response = await fetch(`${standIn.apiUrl}/conversations.list`, { method: 'POST', body: new URLSearchParams({ token: 'xoxb-1', limit: '1' }) });
    expect(await response.json()).toMatchObject({ ok: true, channels: [{ name: 'alerts' }], response_metadata: { next_cursor: '1' } });
    const rest = await call('conversations.list', { cursor: '1', exclude_archived: true });
    expect(rest).toMatchObject({ channels: [{ name: 'general' }], response_metadata: { next_cursor: '' } });
  });

  it('takes messages once the app has joined, and changes to them', async () => {
    expect(await call('chat.postMessage', { channel: '#alerts', text: 'x' })).toEqual({ ok: false, error: 'not_in_channel' });
    expect(await call('conversations.join', { channel: 'C0ALERTS' })).toMatchObject({ ok: true });
    const posted = await call('chat.postMessage', { channel: '#alerts', text: 'first' });
    expect(await call('chat.update', { channel: 'C0ALERTS', ts: posted.ts ?? '', text: 'second' })).toMatchObject({ ok: true });
    expect(standIn.messages).toMatchObject([{ channel: 'alerts', text: 'second' }]);
    expect(await call('chat.update', { channel: 'C0ALERTS', ts: '1.2', text: 'x' })).toEqual({ ok: false, error: 'message_not_found' });
  });

  it.each<[string, JsonObject]>([
    ['no_text', {}],
    ['invalid_blocks', { blocks: [{ type: 'section', text: { type: 'plain_text', text: 'x'.repeat(3001) } }] }],
    ['invalid_blocks', { blocks: [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }] }],
    ['invalid_blocks', { blocks: [{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }] }],
    ['invalid_blocks', { blocks: [{ type: 'section', text: { type: 'plain_text', text: '' } }] }],
    ['invalid_blocks', { blocks: [{ type: 'section' }] }],
    ['invalid_blocks', { blocks: [{ type: 'nonsense' }] }],
    ['invalid_blocks', { blocks: Array.from({ length: 51 }, () => ({ type: 'divider' })) }],
    ['invalid_blocks', { text: 'x', attachments: [{ color: '#fff', blocks: [{ type: 'section' }] }] }],
  ])('answers %s where Slack would', async (error, message) => {
    expect(await call('chat.postMessage', { channel: 'general', ...message })).toMatchObject({ ok: false, error });
    const webhook = await fetch(standIn.webhookUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(message) });
    expect([webhook.status, await webhook.text()]).toEqual([400, error]);
  });
});
