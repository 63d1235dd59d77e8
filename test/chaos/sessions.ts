import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../model/types.ts';
import type { Client, Report } from './client.ts';
import { type ChaosSession, createEventMaker, failureOf, type MadeEvent, reportedEvent } from './events.ts';
import type { AgentName } from './notifications.ts';
import { startPerson } from './person.ts';
import { createRandom, type Random } from './random.ts';

/** Sessions that run at the same time. */
const SLOTS = 8;
const TICK_MS = 300;
const EVENTS_A_REQUEST = 25;
/** Requests of one session under way: beyond it events wait for the next one. */
const REQUESTS_AT_ONCE = 4;
const CARELESS = 0.05;

export interface LoadOptions {
  client: Client;
  apiKey: string;
  seed: number;
  /** Events a second, over all sessions. */
  rate: number;
  /** Aborted when nothing is to be reported any more, whatever is owed. */
  givenUp: AbortSignal;
}

export interface Load {
  /** Makes up for what is owed, and ends every session in good order: done when all is acknowledged, or given up. */
  finish(): Promise<void>;
  sessionIds(): string[];
}

/** Reports events at a steady rate: what could not be reported while Herald was away is made up for. */
export function startLoad({ client, apiKey, seed, rate, givenUp }: LoadOptions): Load {
  const random = createRandom(seed);
  const startedAt = performance.now();
  const ids: string[] = [];
  let finishedAt = Infinity;

  const slots = Array.from({ length: SLOTS }, (_, slot) => run(slot, createRandom(seed + slot + 1)));

  async function run(slot: number, own: Random): Promise<void> {
    let reported = 0;
    const owed = () => Math.floor(((Math.min(performance.now(), finishedAt) - startedAt) / 1000) * (rate / SLOTS)) - reported;
    const isOver = () => givenUp.aborted || (finishedAt < Infinity && owed() <= 0);
    for (let number = 1; !isOver(); number += 1) {
      const session = makeSession(`chaos-${seed}-${slot}-${number}`, random);
      ids.push(session.id);
      await liveSession({
        session,
        client,
        apiKey,
        random: own,
        isOver,
        take: () => {
          const count = Math.min(owed(), EVENTS_A_REQUEST);
          reported += count;
          return count;
        },
      });
    }
  }

  return {
    sessionIds: () => ids,
    async finish() {
      finishedAt = performance.now();
      await Promise.all(slots);
    },
  };
}

function makeSession(id: string, random: Random): ChaosSession {
  const agents = random.pick<AgentName[]>([['planner'], ['planner', 'executor'], ['joiner']]);
  return { id, agents, environment: random.pick(['production', 'staging'] as const), alias: `${agents.at(-1)} of ${id}` };
}

interface Life {
  session: ChaosSession;
  client: Client;
  apiKey: string;
  random: Random;
  isOver: () => boolean;
  /** How many events are to be reported now. */
  take: () => number;
}

/** One session from its creation to its end, and a little beyond. */
async function liveSession({ session, client, apiKey, random, isOver, take }: Life): Promise<void> {
  const key = { 'x-agentops-api-key': apiKey };
  const created = await client.report({ path: '/v2/create_session', headers: key, body: { session: bodyOf(session) }, events: [started(session)] });
  if (!created) return;
  const { jwt } = created.body as { jwt: string };
  const headers = { authorization: `Bearer ${jwt}` };
  const report = (path: string, body: object, events: Report['events'], careless = false) => client.report({ path, headers, body, events, careless });

  if (session.agents.length > 1 || session.agents[0] === 'joiner') {
    await report('/v2/create_agent', { id: session.alias, name: session.agents.at(-1) }, []);
  }

  const person = startPerson({ session, client, apiKey, random: createRandom(random.int(0, 2 ** 31)) });
  const underWay = new Set<Promise<unknown>>();
  const track = (request: Promise<unknown>) => {
    underWay.add(request);
    void request.finally(() => underWay.delete(request));
  };
  const makeEvent = createEventMaker(random, session);
  const fixed: string[] = [];
  const length = random.int(40, 160);
  let updates = Promise.resolve();
  let step = 0;
  for (let made = 0; made < length && !isOver(); ) {
    await sleep(TICK_MS);
    if (underWay.size >= REQUESTS_AT_ONCE) continue;
    const events = Array.from({ length: take() }, makeEvent);
    made += events.length;
    if (events.length > 0) track(reportEvents(events));
    if (random.chance(0.1)) {
      step += 1;
      const body = { session: { id: session.id, tags: [...tagsOf(session), `step=${step}`] } };
      const updated = reportedEvent(session, `${session.id}:updated:${step}`, 'ExecutionWorkflowUpdated');
      // One after the other: an old report that is repeated after a newer one would be news again.
      updates = updates.then(() => report('/v2/update_session', body, [updated])).then(() => undefined);
      track(updates);
    }
    const late = random.chance(0.1) ? fixed.pop() : undefined;
    if (late !== undefined) {
      track(report('/v2/update_events', { events: [{ event_id: late, error: { message: 'found out later' } }] }, [failureOf(session, late, {})]));
    }
  }
  while (underWay.size > 0) await Promise.all(underWay);
  await person.leave();

  const [state, type] = random.pick([['Success', 'ExecutionCompleted'], ['Fail', 'ExecutionFailed'], ['Cancelled', 'ExecutionCancelled']] as const);
  const end = { id: session.id, end_timestamp: new Date().toISOString(), end_state: state, end_state_reason: 'done' };
  await report('/v2/update_session', { session: end }, [reportedEvent(session, `${session.id}:end`, type)]);
  if (random.chance(0.3)) await reportEvents([makeEvent()]);

  async function reportEvents(events: MadeEvent[]): Promise<void> {
    const careless = random.chance(CARELESS);
    const answer = await report('/v2/create_events', { events: events.map((event) => event.wire) }, events.flatMap((event) => event.reported), careless);
    const plain = events.find(({ wire, reported }) => wire.type === 'tool' && wire.agent_id === undefined && reported.length === 1);
    if (answer && plain) fixed.push(plain.reported[0]!.eventId);
  }
}

function bodyOf(session: ChaosSession): JsonObject {
  const agent = session.agents[0] === 'joiner' ? null : session.agents[0]!;
  return { id: session.id, init_timestamp: new Date().toISOString(), tags: tagsOf(session), agent_name: agent };
}

function tagsOf({ environment }: ChaosSession): string[] {
  return ['chaos', `environment:${environment}`];
}

/** The second agent joins later. One that joins a session without any may or may not be in time for its start. */
function started(session: ChaosSession) {
  const event = reportedEvent({ ...session, agents: session.agents.slice(0, 1) }, `${session.id}:started`, 'ExecutionStarted');
  return session.agents[0] === 'joiner' ? { ...event, expected: [], allowed: event.expected } : event;
}
