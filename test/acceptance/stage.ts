import { execFile } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type SpawnedHerald, spawnHerald } from '../../bin/start/spawn.ts';
import { readPidFile } from '../../embedded/pidFile.ts';
import { temporalFiles } from '../../embedded/temporalLeftover.ts';
import type { JsonObject } from '../../model/types.ts';
import { type AnswerBody, type Caller, callerOf } from '../support/caller.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { type SlackStandIn, startSlackStandIn } from '../support/slackStandIn.ts';

/** A whole Herald with its processes, and the customer's side of it. */
export interface Stage {
  herald: SpawnedHerald;
  receiver: Receiver;
  slack: SlackStandIn;
  close(): Promise<void>;
}

export type PartName = 'api' | 'worker' | 'temporal';

const ORG = fileURLToPath(new URL('../../bin/org.ts', import.meta.url));
const POLL_MS = 250;

export async function openStage(): Promise<Stage> {
  const [receiver, slack] = await Promise.all([startReceiver(), startSlackStandIn()]);
  const closeOthers = () => Promise.all([receiver.close(), slack.close()]);
  try {
    const herald = await spawnHerald((line) => process.stderr.write(`${line}\n`));
    return {
      herald,
      receiver,
      slack,
      async close() {
        await herald.stop();
        await closeOthers();
      },
    };
  } catch (error) {
    await closeOthers();
    throw error;
  }
}

/** A further organisation of this Herald, through its first key. */
export async function newOrganisation({ herald }: Stage, name: string): Promise<Caller> {
  const env = { ...process.env, PORT: new URL(herald.url).port, HERALD_DATA_DIR: herald.dataDir };
  const { stdout } = await promisify(execFile)(process.execPath, [ORG, 'create', name], { env });
  const key = /API key +(\S+)/.exec(stdout)?.[1];
  if (key === undefined) throw new Error(`No key in: ${stdout}`);
  return callerOf(herald.url, name, key);
}

/** Binds a new integration to an agent, who is made if need be; answers the notification's id. */
export async function notify(api: Caller, agentName: string, integration: JsonObject, rule: JsonObject = { subscription: { mode: 'all' } }): Promise<string> {
  const known = (await list(api, '/v1/agents')).find((agent) => agent.name === agentName);
  const agent = known ?? (await created(api, '/v1/agents', { name: agentName }));
  const { id } = await created(api, '/v1/integrations', integration);
  const notification = await created(api, `/v1/agents/${agent.id}/notifications`, { integration_id: id, ...rule });
  return notification.id;
}

export function webhook({ receiver }: Stage, urlPath: string): JsonObject {
  return { name: urlPath, type: 'webhook', config: { url: new URL(urlPath, receiver.url).href } };
}

/** Every entry of a list, page by page. */
export async function list(api: Caller, listPath: string): Promise<AnswerBody[]> {
  const entries: AnswerBody[] = [];
  let cursor: string | null = null;
  do {
    const page: string = `${listPath}?limit=200${cursor === null ? '' : `&cursor=${cursor}`}`;
    const { status, body } = await api.get(page);
    if (status !== 200) throw new Error(`GET ${page} answered ${status}: ${JSON.stringify(body)}`);
    entries.push(...body.data);
    cursor = body.next_cursor;
  } while (cursor !== null);
  return entries;
}

/** The session's events in order, silent ones included. */
export async function eventsOf(api: Caller, sessionId: string): Promise<AnswerBody[]> {
  return (await list(api, `/v1/sessions/${sessionId}/events`)).toReversed();
}

/** Waits until everything that the session has reported is decided. */
export async function decided(api: Caller, sessionId: string, timeoutMs = 60_000): Promise<AnswerBody> {
  return until(`session ${sessionId} is decided`, timeoutMs, async () => {
    const { body } = await api.get(`/v1/sessions/${sessionId}`);
    return body.decided_seq === body.last_seq ? body : undefined;
  });
}

/** Asks again and again until there is an answer. */
export async function until<T>(what: string, timeoutMs: number, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > giveUpAt) throw new Error(`After ${timeoutMs / 1000} s it is still not so that ${what}.`);
    await sleep(POLL_MS);
  }
}

/** The id of the running process; undefined while it is not there. */
export function pidOf({ herald }: Stage, name: PartName): number | undefined {
  return readPidFile(name === 'temporal' ? temporalFiles(herald.dataDir).pidFile : path.join(herald.dataDir, 'run', `${name}.pid`));
}

/** Signals a part as soon as it runs. */
export async function signal(stage: Stage, name: PartName, kind: NodeJS.Signals): Promise<number> {
  const pid = await until(`the ${name} runs`, 60_000, () => pidOf(stage, name));
  process.kill(pid, kind);
  return pid;
}

async function created(api: Caller, where: string, body: JsonObject): Promise<AnswerBody> {
  const answer = await api.post(where, body);
  if (answer.status !== 201) throw new Error(`POST ${where} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}
