import type { JsonObject } from '../../model/types.ts';
import type { ReportedEvent } from './ledger.ts';
import { type AgentName, expectedFor, type Facts, LONG_TEXT, NEEDLE } from './notifications.ts';
import type { Random } from './random.ts';

/** A session of the run, as far as it decides who is told of its events. */
export interface ChaosSession {
  id: string;
  environment: Facts['environment'];
  /** In the order in which they were named. */
  agents: AgentName[];
  /** How the session calls its second agent. */
  alias: string;
}

/** An event to report, and everything that follows from it. */
export interface MadeEvent {
  wire: JsonObject;
  reported: ReportedEvent[];
}

/** What a session knows of an event with the given type that it reports itself. */
export function reportedEvent(session: ChaosSession, eventId: string, type: string, more: Partial<Facts & Pick<ReportedEvent, 'note'>> = {}): ReportedEvent {
  const { note, ...facts } = more;
  const agents = isStatus(type) ? session.agents : (facts.agents ?? session.agents.slice(0, 1));
  const expected = expectedFor({ ...facts, type, environment: session.environment, agents });
  return { sessionId: session.id, eventId, type, expected, ...(note === undefined ? {} : { note }) };
}

/** Makes a session's events: of every kind that an agent reports. */
export function createEventMaker(random: Random, session: ChaosSession): () => MadeEvent {
  let made = 0;
  let paused = false;

  function next(): MadeEvent {
    made += 1;
    const id = `${session.id}.${made}`;
    const note = `note ${random.int(0, 2 ** 32).toString(36)}`;
    const byExecutor = session.agents.length > 1 && random.chance(0.3);
    const owner: Partial<Facts> = byExecutor ? { agents: ['executor'] } : {};
    const common: JsonObject = { id, note, init_timestamp: new Date().toISOString(), ...(byExecutor ? { agent_id: session.alias } : {}) };
    const event = (kind: string, type: string, fields: JsonObject = {}, facts: Partial<Facts> = {}): MadeEvent => ({
      wire: { type: kind, ...common, ...fields },
      reported: [reportedEvent(session, id, type, { note, ...owner, ...facts })],
    });

    if (paused) {
      paused = false;
      return event('ExecutionResumed', 'ExecutionResumed', { reason: 'asked to' });
    }
    const roll = random.int(1, 100);
    if (roll <= 5) {
      paused = true;
      return event('ExecutionPaused', 'ExecutionPaused', { reason: 'asked to' });
    }
    if (roll <= 25) return event('llm', 'ExecutionStepStarted', { model: 'gpt-4', prompt_tokens: 150, completion_tokens: 80 });
    if (roll <= 35) return event('InvoiceChecked', 'InvoiceChecked', { amount: random.int(1, 5000) });
    if (roll <= 40) return event('UserMessageReceived', 'UserMessageReceived', { message: 'and now?' });
    if (roll <= 47) return event('error', 'ExecutionActionFailed', { error_type: 'Timeout', details: 'the database did not answer' });
    if (roll <= 55) return withFailure(event('tool', 'ExecutionActionStarted', { name: 'query', error: { message: 'no such table' } }), session, owner);
    const severity = random.chance(0.25) ? 'critical' : 'info';
    const output = random.chance(0.1) ? LONG_TEXT + (random.chance(0.5) ? NEEDLE : 'hay') : 'retrieved 5 rows';
    return event('tool', 'ExecutionActionStarted', { name: 'query', severity, output }, { severity, output });
  }

  return next;
}

/** The failure that Herald derives from an event with an error. */
export function failureOf(session: ChaosSession, eventId: string, owner: Partial<Facts>): ReportedEvent {
  return reportedEvent(session, `${eventId}:failed`, 'ExecutionActionFailed', owner);
}

function withFailure(made: MadeEvent, session: ChaosSession, owner: Partial<Facts>): MadeEvent {
  return { ...made, reported: [...made.reported, failureOf(session, made.reported[0]!.eventId, owner)] };
}

/** Concerns all agents of the session, whoever reports it. */
function isStatus(type: string): boolean {
  return ['ExecutionStarted', 'ExecutionCompleted', 'ExecutionFailed', 'ExecutionCancelled', 'ExecutionPaused', 'ExecutionResumed', 'ExecutionAwaitingConfirmation'].includes(type);
}
