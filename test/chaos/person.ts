import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../model/types.ts';
import type { Client } from './client.ts';
import { type ChaosSession, reportedEvent } from './events.ts';
import type { Answer } from './http.ts';
import type { Random } from './random.ts';

/** Somebody who looks after a session: pauses it and lets it go on, tells it things, asks in its name and decides. */
export interface Person {
  /** Leaves off when the command under way is answered. */
  leave(): Promise<void>;
}

export interface PersonOptions {
  session: ChaosSession;
  client: Client;
  apiKey: string;
  random: Random;
}

const SHORTEST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 3000;

/** Sends commands from time to time. What the session's state does not allow is refused, and must then have had no effect. */
export function startPerson({ session, client, apiKey, random }: PersonOptions): Person {
  const leaving = new AbortController();
  const headers = { 'x-agentops-api-key': apiKey };
  let sent = 0;

  /** Answers what the command brought; undefined when it was refused or given up. */
  async function command(path: string, type: string, body: JsonObject): Promise<Answer | undefined> {
    sent += 1;
    const requestId = `${session.id} by hand ${sent}`;
    return client.report({
      path: `/v1/sessions/${encodeURIComponent(session.id)}/${path}`,
      headers,
      body: { ...body, request_id: requestId },
      events: [reportedEvent(session, `command:${requestId}`, type)],
      refusable: true,
    });
  }

  async function act(): Promise<void> {
    const roll = random.int(1, 100);
    if (roll <= 30) await command('messages', 'UserMessageReceived', { message: 'how far is it?' });
    else if (roll <= 65) await pauseForAWhile();
    else await askAndDecide();
  }

  async function pauseForAWhile(): Promise<void> {
    if (!(await command('pause', 'ExecutionPaused', { reason: 'somebody looks at it' }))) return;
    await wait();
    await command('resume', 'ExecutionResumed', {});
  }

  async function askAndDecide(): Promise<void> {
    const asked = await command('confirmations', 'ExecutionAwaitingConfirmation', { message: 'Go on?' });
    if (!asked) return;
    await wait();
    const { id } = asked.body as { id: string };
    await command(`confirmations/${id}/decision`, 'ExecutionResumed', { decision: random.pick(['approve', 'reject']) });
  }

  async function wait(): Promise<void> {
    await sleep(random.int(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS), undefined, { signal: leaving.signal }).catch(() => undefined);
  }

  const staying = (async () => {
    for (await wait(); !leaving.signal.aborted; await wait()) await act();
  })();
  return {
    leave() {
      leaving.abort();
      return staying;
    },
  };
}
