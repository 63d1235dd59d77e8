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

/** Herald's API as a user's program calls it. */
export interface Client {
  /** @throws Error with Herald's own words when the answer is not 2xx */
  call(method: string, path: string, body?: JsonObject, token?: string): Promise<JsonObject>;
  /** Waits until everything the session has reported is decided. */
  decisions(sessionId: string, events: number): Promise<Decision[]>;
}

export function createClient({ url, apiKey }: Installation): Client {
  async function call(method: string, path: string, body?: JsonObject, token?: string): Promise<JsonObject> {
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
    return text === '' ? {} : (JSON.parse(text) as JsonObject);
  }

  return {
    call,
    async decisions(sessionId, events) {
      const path = `/v1/sessions/${encodeURIComponent(sessionId)}`;
      const giveUpAt = Date.now() + 30_000;
      for (;;) {
        const session = await call('GET', path);
        if (Number(session.decided_seq) >= events && session.decided_seq === session.last_seq) break;
        if (Date.now() > giveUpAt) throw new Error(`Session ${sessionId} is not decided: ${JSON.stringify(session)}`);
        await sleep(50);
      }
      const page = await call('GET', `${path}/decisions?limit=200`);
      return page.data as unknown as Decision[];
    },
  };
}
