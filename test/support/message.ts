import type { Message } from '../../activities/channels/channel.ts';

/** A message with everything in it; a test says what matters to it. */
export function exampleMessage(changes: Partial<Message> = {}): Message {
  return {
    deliveryId: 'dlv_0123456789abcdefghijklmn',
    eventId: 'session-1:end',
    eventType: 'ExecutionFailed',
    occurredAt: '2024-03-14T12:05:00.000Z',
    seq: 7,
    payload: { reason: 'Payment gateway timeout' },
    metadata: { environment: 'production' },
    session: { id: 'session-1', url: 'https://herald.example.com/sessions/session-1' },
    agent: { id: 'agt_orders', name: 'Order processing' },
    channel: null,
    test: false,
    ...changes,
  };
}
