import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../model/types.ts';

/** Where a running Herald is, and the key to it. */
export interface Installation {
  url: string;
  apiKey: string;
}

/** One entry of `GET /v1/sessions/{id}/decisions`. */
export interface Decision {
  event_id: string;
  event_type: string;
  notification_id: string;
  decision: 'sent' | 'skipped';
  reason: string | null;
}

/** The fields of answers that the demo goes on with. */
export interface Answer {
  id: string;
  jwt: string;
  status: string;
  decided_seq: number;
  last_seq: number;
  data: Decision[];
}

/** Herald's API as a user's program calls it. */
export interface Client {
  /** @throws Error with Herald's own words when the answer is not 2xx */
  call(method: string, path: string, body?: JsonObject, token?: string): Promise<Answer>;
  /** Waits until everything the session has reported is decided; in the order of its events. */
  decisions(sessionId: string, events: number): Promise<Decision[]>;
}

export function createClient({ url, apiKey }: Installation): Client {
  async function call(method: string, path: string, body?: JsonObject, token?: string): Promise<Answer> {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(token === undefined ? { 'x-agentops-api-key': apiKey } : { authorization: `Bearer ${token}` }),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as Answer;
  }

  return {
    call,
    async decisions(sessionId, events) {
      const path = `/v1/sessions/${encodeURIComponent(sessionId)}`;
      const giveUpAt = Date.now() + 30_000;
      for (;;) {
        const session = await call('GET', path);
        if (session.decided_seq >= events && session.decided_seq === session.last_seq) break;
        if (Date.now() > giveUpAt) throw new Error(`Session ${sessionId} is not decided: ${JSON.stringify(session)}`);
        await sleep(50);
      }
      const { data } = await call('GET', `${path}/decisions?limit=200`);
      return [...Map.groupBy(data, (decision) => decision.event_id).values()].toReversed().flat();
    },
  };
}
