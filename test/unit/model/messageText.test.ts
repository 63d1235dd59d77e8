import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageDetail, messageText } from '../../../model/messageText.ts';
import type { JsonObject } from '../../../model/types.ts';

describe('the one line of a message', () => {
  it.each<[string, JsonObject, string]>([
    ['ExecutionFailed', { reason: 'Payment gateway timeout' }, '🔴 Execution Failed - Payment gateway timeout'],
    [
      'ExecutionCompleted',
      { outcome: 'payment_declined', result: 'Payment declined for Order #12345' },
      '🟡 Execution Completed - Payment declined for Order #12345',
    ],
    [
      'ExecutionCompleted',
      { outcome: 'payment_declined', result: { outcome: 'payment_declined', message: 'Payment declined for Order #12345' } },
      '🟡 Execution Completed - Payment declined for Order #12345',
    ],
    ['ExecutionCompleted', { outcome: 'success', result: 'ok' }, '🟢 Execution Completed - ok'],
    ['ExecutionCompleted', { outcome: 'Success' }, '🟢 Execution Completed'],
    ['ExecutionCompleted', { outcome: 'indeterminate' }, '🟡 Execution Completed'],
    ['ExecutionCompleted', {}, '🟡 Execution Completed'],
    ['ExecutionCancelled', { reason: 'max_steps' }, '⚪ Execution Cancelled - max_steps'],
    ['ExecutionAwaitingConfirmation', { message: 'Refund 90 EUR?' }, '🟡 Execution Awaiting Confirmation - Refund 90 EUR?'],
    ['ExecutionActionFailed', { message: 'no such table' }, '🔴 Execution Action Failed - no such table'],
    ['ExecutionPaused', {}, '🔵 Execution Paused'],
    ['ExecutionStarted', { tags: ['a'] }, '🔵 Execution Started'],
    ['UserMessageReceived', { message: 'Hello' }, '🔵 User Message Received - Hello'],
    ['order.shipped', { message: 'Order #1' }, '🔵 Order Shipped - Order #1'],
  ])('%s %j: %s', (type, payload, text) => {
    expect(messageText(type, payload)).toBe(text);
  });

  it.each<[JsonObject, string]>([
    [{ result: 'd', message: 'c', reasoning: 'b', reason: 'a' }, 'a'],
    [{ result: 'd', message: 'c', reasoning: 'b', reason: '  ' }, 'b'],
    [{ result: 'd', message: 'c', reason: null }, 'c'],
    [{ reason: '\n first \r\nsecond' }, 'first'],
    [{ reason: 404 }, '404'],
    [{ result: { total: 5, order: 'A-1', note: null } }, 'order: A-1, total: 5'],
    [{ result: { summary: 'All done', id: 'x' } }, 'All done'],
    [{ result: ['a', { message: 'b' }, null] }, 'a, b'],
    [{ result: {} }, ''],
    [{ result: [] }, ''],
    [{ other: 'x' }, ''],
  ])('the detail of %j is %j', (payload, detail) => {
    expect(messageDetail(payload)).toBe(detail);
  });

  it('is cut at 200 characters, not in the middle of one', () => {
    expect(messageDetail({ reason: 'x'.repeat(200) })).toBe('x'.repeat(200));
    expect(messageDetail({ reason: 'x'.repeat(201) })).toBe(`${'x'.repeat(199)}…`);
    expect(messageDetail({ reason: '😀'.repeat(200) })).toBe('😀'.repeat(200));
    expect(messageDetail({ reason: '😀'.repeat(300) })).toBe(`${'😀'.repeat(199)}…`);
  });

  it('is one line of at most 200 characters, whatever the payload', () => {
    fc.assert(
      fc.property(fc.constantFrom('reason', 'reasoning', 'message', 'result'), fc.jsonValue({ maxDepth: 3 }), (field, value) => {
        const payload: JsonObject = JSON.parse(JSON.stringify({ [field]: value }));
        const detail = messageDetail(payload);
        expect(Array.from(detail).length).toBeLessThanOrEqual(200);
        expect(detail).not.toMatch(/[\r\n]/);
        expect(detail).toBe(detail.trim());
      }),
    );
  });
});
