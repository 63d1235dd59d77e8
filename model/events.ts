import { editDistance } from './editDistance.ts';
import type { SessionStatus } from './types.ts';

/** `organisation`: about the organisation and not one of its sessions. */
export type EventCategory = 'status' | 'action' | 'details' | 'organisation';

/** A known type of event (seed: "Event Types"). Other types are stored and routed as well; they are only not described. */
export interface EventType {
  /** Canonical name, as rules and decisions carry it: `ExecutionFailed`. */
  name: string;
  /** The name on the wire of webhooks: `EXECUTION_FAILED`. */
  constant: string;
  /** The name for people: `Execution Failed`. */
  spaced: string;
  category: EventCategory;
  description: string;
  /** Fields that filters usually ask for. An event may carry others. */
  payloadFields: readonly PayloadField[];
  /** The state in which the event leaves its session; absent when it says nothing about the state. */
  status?: SessionStatus;
}

export interface PayloadField {
  name: string;
  description: string;
}

const outcome: PayloadField = {
  name: 'outcome',
  description: 'How it ended: success, failure, cancelled, indeterminate, or what the agent reported',
};
const endState: PayloadField = { name: 'end_state', description: 'The end state as the agent reported it' };
const reason: PayloadField = { name: 'reason', description: 'Why, in words or as a code' };

const integrationFields: readonly PayloadField[] = [
  reason,
  { name: 'integration_id', description: 'The integration; it is not told of itself' },
  { name: 'integration_name', description: 'Its name' },
  { name: 'integration_type', description: 'slack, webhook …' },
  { name: 'failing_since', description: 'Its first failure after the last success' },
  { name: 'last_error', description: 'What its destination answered' },
];

/** Every known event type, in the order of the seed. A new type is one entry here. */
export const eventCatalogue: readonly EventType[] = [
  describe('ExecutionStarted', 'status', 'Triggered when an agent begins a new execution.', {
    status: 'running',
    payloadFields: [
      { name: 'tags', description: 'Tags of the session' },
      { name: 'host_env', description: 'Where the agent runs' },
      { name: 'inputs', description: 'What the agent was given' },
    ],
  }),
  describe('ExecutionCompleted', 'status', 'Triggered when an agent successfully completes its task.', {
    status: 'completed',
    payloadFields: [
      outcome,
      { name: 'result', description: 'What came out' },
      { name: 'reasoning', description: 'How the agent explains the outcome' },
      endState,
      reason,
    ],
  }),
  describe('ExecutionFailed', 'status', 'Triggered when an agent encounters an error and fails.', {
    status: 'failed',
    payloadFields: [reason, outcome, endState],
  }),
  describe('ExecutionCancelled', 'status', 'Triggered when an execution is cancelled (by user, timeout, or max steps).', {
    status: 'cancelled',
    payloadFields: [
      { name: 'reason', description: 'user_requested, timeout, max_steps, no_activity, or why in words' },
      { name: 'end_state_reason', description: 'The reason as the agent reported it' },
      outcome,
    ],
  }),
  describe('ExecutionPaused', 'status', 'Triggered when an agent pauses (e.g., waiting for user input).', {
    status: 'paused',
    payloadFields: [reason, { name: 'question', description: 'What the agent wants to know' }],
  }),
  describe('ExecutionResumed', 'status', 'Triggered when a paused agent resumes execution.', {
    status: 'running',
    payloadFields: [
      reason,
      { name: 'decision', description: 'approved or rejected, when a confirmation was answered' },
      { name: 'decided_by', description: 'Who answered; timeout when nobody did in time' },
    ],
  }),
  describe(
    'ExecutionAwaitingConfirmation',
    'status',
    'Triggered when an agent needs confirmation before proceeding (e.g., "Human in the Loop").',
    {
      status: 'awaiting_confirmation',
      payloadFields: [
        reason,
        { name: 'message', description: 'What is to be confirmed' },
        { name: 'timeout_s', description: 'How many seconds the question waits for its answer' },
        { name: 'on_timeout', description: 'What happens then: approve, reject or cancel' },
      ],
    },
  ),
  describe('ExecutionActionStarted', 'action', 'Triggered when an action within execution has started.', {
    payloadFields: [
      { name: 'name', description: 'The action or tool' },
      { name: 'params', description: 'What it was called with (or `input`, as the agent spells it)' },
      { name: 'returns', description: 'What it answered (or `output`, as the agent spells it)' },
    ],
  }),
  describe('ExecutionActionFailed', 'action', 'Triggered when an action within execution fails.', {
    payloadFields: [
      { name: 'message', description: 'What went wrong' },
      { name: 'error_type', description: 'Kind of error' },
      { name: 'code', description: 'Code of the error' },
      { name: 'details', description: 'More about the error' },
      { name: 'logs', description: 'Log lines' },
    ],
  }),
  describe('ExecutionStepStarted', 'details', 'Triggered when a step in the execution starts.', {
    payloadFields: [
      { name: 'model', description: 'Model that was asked' },
      { name: 'prompt', description: 'What it was asked' },
      { name: 'completion', description: 'What it answered' },
      { name: 'prompt_tokens', description: 'Tokens of the prompt' },
      { name: 'completion_tokens', description: 'Tokens of the completion' },
    ],
  }),
  describe('ExecutionWorkflowUpdated', 'details', 'Triggered when the execution workflow is updated.', {
    payloadFields: [
      { name: 'tags', description: 'The new tags, when they changed' },
      { name: 'metadata', description: 'The new metadata pairs, when they changed' },
    ],
  }),
  describe('UserMessageReceived', 'details', 'Triggered when the agent receives a message from the user.', {
    payloadFields: [
      { name: 'message', description: 'What the user wrote' },
      { name: 'userUUID', description: 'Who wrote it' },
    ],
  }),
  describe('ExecutionReminder', 'details', 'Triggered when a pause or a question is about to time out.', {
    payloadFields: [
      { name: 'waits_for', description: 'resume or confirmation' },
      { name: 'due_at', description: 'When it times out' },
      { name: 'on_timeout', description: 'What happens then: approve, reject or cancel' },
      { name: 'message', description: 'The same in words' },
    ],
  }),
  describe('IntegrationFailing', 'organisation', 'Triggered when a message to an integration is given up, once until one arrives again.', {
    payloadFields: [...integrationFields, { name: 'delivery_id', description: 'The message that was given up' }],
  }),
  describe('IntegrationDisabled', 'organisation', 'Triggered when Herald disables an integration whose messages do not arrive.', {
    payloadFields: integrationFields,
  }),
];

const byName = new Map(eventCatalogue.flatMap((type) => [[type.name, type] as const, [type.constant, type] as const]));

/** Name of an event type: `^[A-Za-z][A-Za-z0-9_.-]{0,99}$`. */
const validName = /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/;

/** The catalogue's entry for a canonical name or constant. */
export function findEventType(name: string): EventType | undefined {
  return byName.get(name);
}

/** Whether an event concerns every agent of its session, and not only the one it names. */
export function concernsEveryAgent(type: string): boolean {
  const category = byName.get(type)?.category;
  return category === 'status' || category === 'organisation' || type === 'ExecutionReminder';
}

/** `ExecutionFailed` for itself and for `EXECUTION_FAILED`; another valid name is a custom type and stays; undefined when no event can have this name. */
export function canonicalEventType(name: string): string | undefined {
  return byName.get(name)?.name ?? (validName.test(name) ? name : undefined);
}

/** The name that webhooks carry: `EXECUTION_FAILED`; a custom name as it came. */
export function eventConstant(type: string): string {
  return byName.get(type)?.constant ?? type;
}

/** The name that people read: `Execution Failed`, `Order Shipped` for `order.shipped`. */
export function spacedEventName(type: string): string {
  return byName.get(type)?.spaced ?? splitWords(type).map(capitalise).join(' ');
}

/** The known type that an unknown name is most likely meant to be; undefined when the name is known. */
export function nearestEventType(name: string): string | undefined {
  if (byName.has(name)) return undefined;
  const wanted = letters(name);
  let nearest: string | undefined;
  let distance = Infinity;
  for (const type of eventCatalogue) {
    const whole = letters(type.name);
    const candidate = Math.min(editDistance(wanted, whole), editDistance(wanted, whole.replace('execution', '')));
    if (candidate < distance) [nearest, distance] = [type.name, candidate];
  }
  return nearest;
}

function describe(
  name: string,
  category: EventCategory,
  description: string,
  more: Pick<EventType, 'payloadFields' | 'status'>,
): EventType {
  const words = splitWords(name);
  return { name, constant: words.join('_').toUpperCase(), spaced: words.join(' '), category, description, ...more };
}

function splitWords(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .split(/[ ._-]+/)
    .filter((word) => word !== '');
}

function capitalise(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function letters(name: string): string {
  return name.replace(/[._-]/g, '').toLowerCase();
}
