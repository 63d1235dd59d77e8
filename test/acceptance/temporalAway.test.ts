import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../model/types.ts';
import { type Caller, callerOf } from '../support/caller.ts';
import { decided, notify, openStage, pidOf, signal, type Stage, until, webhook } from './stage.ts';

/** An agent's call must not wait for Temporal. */
const ANSWER_MS = 2000;
const EVENTS = 20;
const ARRIVAL_MS = 120_000;

describe('while the Temporal server is away', () => {
  let stage: Stage;
  let api: Caller;

  beforeAll(async () => {
    stage = await openStage();
    api = callerOf(stage.herald.url, 'default', stage.herald.apiKey);
    await notify(api, 'shop', webhook(stage, '/all'));
  });
  afterAll(() => stage?.close());

  it.each([
    { what: 'hangs', how: 'SIGSTOP', until: 'goes on' },
    { what: 'is killed', how: 'SIGKILL', until: 'is started again' },
  ] as const)('accepts everything when it $what ($how), and sends everything when it $until', async ({ how }) => {
    const running = `running-${how}`;
    const fresh = `fresh-${how}`;
    await post('/v1/sessions', { id: running, agent_name: 'shop' });
    await messagesOf(running, 1);

    const pid = await signal(stage, 'temporal', how);
    await post('/v1/sessions', { id: fresh, agent_name: 'shop' });
    for (let index = 0; index < EVENTS; index += 1) {
      for (const id of [running, fresh]) await post(`/v1/sessions/${id}/events`, { events: [{ id: `${id}-${index}`, type: 'tool', name: `call ${index}` }] });
      await sleep(250);
    }
    if (how === 'SIGSTOP') {
      expect(stage.receiver.received.map(sessionOf)).not.toContain(fresh);
      process.kill(pid, 'SIGCONT');
    } else {
      await until('the Temporal server is started again', ARRIVAL_MS, () => pidOf(stage, 'temporal') !== pid || undefined);
    }

    for (const id of [running, fresh]) {
      const expected = [`${id}:started`, ...Array.from({ length: EVENTS }, (_, index) => `${id}-${index}`)];
      expect((await messagesOf(id, expected.length)).toSorted()).toEqual(expected.toSorted());
      expect(await decided(api, id, ARRIVAL_MS)).toMatchObject({ status: 'running', last_seq: EVENTS + 1 });
    }
  });

  async function post(path: string, body: JsonObject): Promise<void> {
    const startedAt = performance.now();
    const answer = await api.post(path, body);
    const tookMs = performance.now() - startedAt;
    expect([200, 201], JSON.stringify(answer.body)).toContain(answer.status);
    expect(tookMs).toBeLessThan(ANSWER_MS);
  }

  /** The events whose messages have arrived for a session, once there are so many, each one once. */
  async function messagesOf(sessionId: string, enough: number): Promise<string[]> {
    return until(`${enough} messages of ${sessionId} have arrived`, ARRIVAL_MS, () => {
      const requests = stage.receiver.received.filter((request) => sessionOf(request) === sessionId);
      const events = new Map(requests.map((request) => [request.id, (request.json as { event_id: string }).event_id]));
      return events.size >= enough ? [...events.values()] : undefined;
    });
  }
});

function sessionOf({ json }: { json: unknown }): string {
  return (json as { info: { execution_id: string } }).info.execution_id;
}
