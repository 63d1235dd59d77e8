// A process of the bench: plays the agents that report events.
import { clockMs } from '../clock.ts';
import { serveCommands } from '../remote.ts';
import { createHttpClient, type HttpAnswer, type HttpClient } from './client.ts';
import { eventsBody } from './events.ts';
import { atRate, flatOut } from './pace.ts';

export interface OpenSessions {
  /** Name for these sessions; opening more of the same name adds to it. */
  group: string;
  count: number;
  apiKey: string;
  agentName: string;
}

export interface LoadPlan {
  /** Event ids are `<run>.<number>`. */
  run: string;
  group: string;
  /** Which sessions of the group take part. Default: all. */
  from?: number;
  to?: number;
  events: number;
  eventsPerRequest: number;
  /** Requests a second; absent: as fast as the server takes them. */
  requestsPerSecond?: number;
  criticalOneIn: number;
}

export interface NewSessionsPlan extends OpenSessions {
  run: string;
}

/** What became of the requests of a run, by number. Times are of the machine's monotonic clock. */
export interface LoadResult {
  /** When each was to be sent. */
  intendedMs: Float64Array;
  /** When its 2xx came; NaN without one. */
  ackedMs: Float64Array;
  /** Answers that were no 2xx, as `503: …`, and how often each. */
  refusals: Record<string, number>;
}

export type DriverCommands = {
  connect(input: { origin: string; connections: number }): void;
  openSessions(input: OpenSessions): Promise<void>;
  /** For a server that knows no sessions: each is a path. */
  namePaths(input: { group: string; paths: string[] }): void;
  load(plan: LoadPlan): Promise<LoadResult>;
  /** Opens sessions and reports one event in each, at once; times count from the opening. */
  newSessions(plan: NewSessionsPlan): Promise<LoadResult>;
};

interface Session {
  path: string;
  headers: Record<string, string>;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const groups = new Map<string, Session[]>();
let client: HttpClient | undefined;
let connections = 0;

function http(): HttpClient {
  if (!client) throw new Error('The driver is not connected.');
  return client;
}

async function openSession(plan: OpenSessions, index: number): Promise<Session> {
  const id = `${plan.group}-${index}`;
  const headers = { ...JSON_TYPE, 'x-agentops-api-key': plan.apiKey };
  const body = JSON.stringify({ session: { id, init_timestamp: '2024-03-14T12:00:00Z', tags: ['bench'], agent_name: plan.agentName } });
  const answer = await http().post('/v2/create_session', headers, body);
  if (answer.status !== 200) throw new Error(`create_session was answered with ${answer.status}: ${answer.body}`);
  const { jwt } = JSON.parse(answer.body) as { jwt: string };
  return { path: '/v2/create_events', headers: { ...JSON_TYPE, authorization: `Bearer ${jwt}` } };
}

function prepare(requests: number): LoadResult & { settle: (request: number, answer: HttpAnswer) => void } {
  const intendedMs = new Float64Array(requests);
  const ackedMs = new Float64Array(requests).fill(Number.NaN);
  const refusals: Record<string, number> = {};
  const settle = (request: number, { status, body }: HttpAnswer) => {
    if (status >= 200 && status < 300) ackedMs[request] = clockMs();
    else {
      const refusal = `${status}: ${body.slice(0, 200)}`;
      refusals[refusal] = (refusals[refusal] ?? 0) + 1;
    }
  };
  return { intendedMs, ackedMs, refusals, settle };
}

const commands: DriverCommands = {
  connect(input) {
    void client?.close();
    connections = input.connections;
    client = createHttpClient(input.origin, connections);
  },

  async openSessions(input) {
    const group = groups.get(input.group) ?? [];
    groups.set(input.group, group);
    const first = group.length;
    await flatOut(input.count, connections, async (index) => {
      group[first + index] = await openSession(input, first + index);
    });
  },

  namePaths({ group, paths }) {
    groups.set(group, paths.map((path) => ({ path, headers: JSON_TYPE })));
  },

  async load(plan) {
    const sessions = (groups.get(plan.group) ?? []).slice(plan.from, plan.to);
    if (sessions.length === 0) throw new Error(`There are no sessions ${plan.from ?? 0} to ${plan.to ?? 'the last'} in ${plan.group}.`);
    const { settle, ...result } = prepare(Math.ceil(plan.events / plan.eventsPerRequest));
    const requests = result.intendedMs.length;
    const send = async (request: number, intendedMs: number) => {
      result.intendedMs[request] = intendedMs;
      const session = sessions[request % sessions.length]!;
      const first = request * plan.eventsPerRequest;
      const count = Math.min(plan.eventsPerRequest, plan.events - first);
      settle(request, await http().post(session.path, session.headers, eventsBody(plan.run, first, count, plan.criticalOneIn)));
    };
    if (plan.requestsPerSecond === undefined) await flatOut(requests, connections, send);
    else await atRate(requests, plan.requestsPerSecond, send);
    return result;
  },

  async newSessions(plan) {
    const { settle, ...result } = prepare(plan.count);
    await flatOut(plan.count, connections, async (index, intendedMs) => {
      result.intendedMs[index] = intendedMs;
      const session = await openSession(plan, index);
      settle(index, await http().post(session.path, session.headers, eventsBody(plan.run, index, 1, 1)));
    });
    return result;
  },
};

serveCommands(commands);
