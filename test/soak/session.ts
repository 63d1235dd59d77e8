import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionStatus } from '../../model/types.ts';
import { callerOf, type JsonAnswer } from '../support/caller.ts';

/** One session, from the outside. */
export interface SoakSession {
  id: string;
  organisationId: string;
  /** Ids of the events that were accepted, those of commands included. */
  accepted: string[];
  report(events: { id: string; type: string; [field: string]: unknown }[]): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  message(text: string): Promise<void>;
  /** Waits until all that was accepted is decided and the session has this status. */
  reaches(status: SessionStatus): Promise<void>;
}

const POLL_MS = 20;
const REACHED_WITHIN_MS = 120_000;

/** Configures a Herald so that every event of one session has a message, and starts that session. */
export async function startSoakSession(herald: { url: string; apiKey: string }, receiverUrl: string): Promise<SoakSession> {
  const api = callerOf(herald.url, '', herald.apiKey);
  const good = async (answer: Promise<JsonAnswer>) => {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`Herald answered ${status}: ${JSON.stringify(body)}`);
    return body;
  };
  const agent = await good(api.post('/v1/agents', { name: 'Long-running agent' }));
  const integration = await good(api.post('/v1/integrations', { name: 'soak', type: 'webhook', config: { url: receiverUrl } }));
  await good(api.post(`/v1/agents/${agent.id}/notifications`, { integration_id: integration.id, subscription: { mode: 'all' } }));
  const id = 'soak';
  const path = `/v1/sessions/${id}`;
  await good(api.post('/v1/sessions', { id, agent_id: agent.id }));
  const started = await good(api.get(`${path}/events`));
  const accepted = started.data.map((event) => event.id);
  const { temporal_ui_url: address } = await good(api.get(path));
  const organisationId = decodeURIComponent(String(address)).split('/').at(-2) ?? '';

  async function command(name: string, body: object = {}): Promise<void> {
    const { event_id: eventId } = await good(api.post(`${path}/${name}`, body));
    accepted.push(String(eventId));
  }

  return {
    id,
    organisationId,
    accepted,
    async report(events) {
      await good(api.post(`${path}/events`, { events }));
      for (const event of events) accepted.push(event.id);
    },
    pause: () => command('pause'),
    resume: () => command('resume'),
    message: (text) => command('messages', { message: text }),
    async reaches(status) {
      const deadline = Date.now() + REACHED_WITHIN_MS;
      for (;;) {
        const session = await good(api.get(path));
        if (session.status === status && session.decided_seq === session.last_seq) return;
        if (Date.now() > deadline) throw new Error(`The session is ${String(session.status)} and not ${status} after ${REACHED_WITHIN_MS / 1000} s: ${JSON.stringify(session)}`);
        await sleep(POLL_MS);
      }
    },
  };
}
