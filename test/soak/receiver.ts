import { readBody, startLoopbackServer } from '../support/loopbackServer.ts';

/** Counts messages by their event, so that none needs to be kept. */
export interface CountingReceiver {
  url: string;
  /** Events that a message has arrived for. */
  arrivedEvents(): number;
  /** How many messages have arrived for an event. */
  messagesFor(eventId: string): number;
  /** Messages in all. */
  messages(): number;
  close(): Promise<void>;
}

export async function startCountingReceiver(): Promise<CountingReceiver> {
  const counts = new Map<string, number>();
  let messages = 0;
  const server = await startLoopbackServer((request, response) => {
    readBody(request).then(
      (body) => {
        const { event_id: eventId } = JSON.parse(body) as { event_id: string };
        counts.set(eventId, (counts.get(eventId) ?? 0) + 1);
        messages += 1;
        response.end('ok');
      },
      () => response.destroy(),
    );
  });
  return {
    url: server.url,
    arrivedEvents: () => counts.size,
    messagesFor: (eventId) => counts.get(eventId) ?? 0,
    messages: () => messages,
    close: () => server.close(),
  };
}
