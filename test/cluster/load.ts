import { setTimeout as sleep } from 'node:timers/promises';

/** What agents report to several API processes at once. */
export interface Load {
  /** Ids of the events that were answered with 2xx, by session. */
  accepted: Map<string, string[]>;
  /** Answers that an agent should not get. */
  faults: string[];
  /** How often a request was made again because nobody had answered it. */
  repeated(): number;
  /** Ends it when every request under way is answered. */
  finish(): Promise<void>;
}

export interface LoadOptions {
  /** Addresses of the API processes: a client that gets no answer from one goes on to the next. */
  urls: string[];
  key: string;
  agentName: string;
  sessions: number;
  /** Events a second, over all sessions. */
  rate: number;
}

const EVENTS_A_REQUEST = 5;
const TIMEOUT_MS = 20_000;
const PAUSE_MS = 100;

/** Reports events at a steady rate until it is finished: each session to whichever process answers, one request after the other. */
export function startLoad({ urls, key, agentName, sessions, rate }: LoadOptions): Load {
  const accepted = new Map<string, string[]>();
  const faults: string[] = [];
  let repeated = 0;
  const finishing = new AbortController();

  async function post(turn: number, path: string, body: object): Promise<boolean> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const url = urls[(turn + attempt) % urls.length]! + path;
      const status = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS) }).then(
        async (response) => {
          await response.text();
          return response.status;
        },
        () => undefined,
      );
      if (status !== undefined && status < 300) return true;
      if (status !== undefined) {
        faults.push(`${path} answered ${status}`);
        return false;
      }
      repeated += 1;
      await sleep(PAUSE_MS);
    }
    faults.push(`${path} was never answered`);
    return false;
  }

  async function live(session: string): Promise<void> {
    if (!(await post(0, '/v1/sessions', { id: session, agent_name: agentName }))) return;
    const ids: string[] = [];
    accepted.set(session, ids);
    const begun = performance.now();
    for (let turn = 0, made = 0; !finishing.signal.aborted; turn += 1) {
      const owed = Math.floor(((performance.now() - begun) / 1000) * (rate / sessions)) - made;
      if (owed < 1) {
        await sleep(20);
        continue;
      }
      const events = Array.from({ length: Math.min(owed, EVENTS_A_REQUEST) }, (_, index) => ({ id: `e${made + index}`, type: 'Reported' }));
      made += events.length;
      // Every request to another process than the one before.
      if (await post(turn, `/v1/sessions/${session}/events`, { events })) ids.push(...events.map(({ id }) => id));
    }
  }

  const lives = Promise.all(Array.from({ length: sessions }, (_, index) => live(`${agentName}-${index}`)));
  return {
    accepted,
    faults,
    repeated: () => repeated,
    async finish() {
      finishing.abort();
      await lives;
    },
  };
}
