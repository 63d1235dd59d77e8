import type { JsonObject } from '../../model/types.ts';

/** The agents of the run's sessions. */
export type AgentName = 'planner' | 'executor' | 'joiner';

/** What the run knows of an event, to say by itself who is to be told. */
export interface Facts {
  /** As Herald names it: `ExecutionFailed`. */
  type: string;
  /** Fields that the filters of the run's notifications look at. */
  severity?: string;
  output?: string;
  environment: 'production' | 'staging';
  /** Whose event it is; a status event concerns all agents of the session. */
  agents: AgentName[];
}

/** A notification of the run: what Herald is told, and apart from it in plain words what is to come of it. */
export interface ChaosNotification {
  /** Also the path of its webhook. */
  name: string;
  agent: AgentName;
  subscription: JsonObject;
  metadataFilter?: Record<string, string>;
  enabled?: false;
  wants: (event: Facts) => boolean;
}

const all = { mode: 'all' };
const toolCallsWith = (field: string, operator: string, value: string): JsonObject => ({ event: 'ExecutionActionStarted', filters: [{ field, operator, value }] });

/** Longer than what a signal carries of a text, so that the stored event has to answer. */
export const LONG_TEXT = 'row; '.repeat(1200);
export const NEEDLE = 'needle';

export const notifications: readonly ChaosNotification[] = [
  { name: 'planner-all', agent: 'planner', subscription: all, wants: () => true },
  {
    name: 'planner-critical',
    agent: 'planner',
    subscription: { mode: 'custom', rules: [toolCallsWith('severity', 'equals', 'critical'), { event: 'ExecutionFailed' }] },
    wants: ({ type, severity }) => type === 'ExecutionFailed' || (type === 'ExecutionActionStarted' && severity === 'critical'),
  },
  {
    name: 'planner-production',
    agent: 'planner',
    subscription: { mode: 'custom', rules: [{ event: 'ExecutionActionFailed' }, { event: 'ExecutionCompleted' }, { event: 'InvoiceChecked' }] },
    metadataFilter: { environment: 'production' },
    wants: ({ type, environment }) => environment === 'production' && ['ExecutionActionFailed', 'ExecutionCompleted', 'InvoiceChecked'].includes(type),
  },
  {
    name: 'planner-needle',
    agent: 'planner',
    subscription: { mode: 'custom', rules: [toolCallsWith('output', 'contains', NEEDLE)] },
    wants: ({ type, output }) => type === 'ExecutionActionStarted' && output?.endsWith(NEEDLE) === true,
  },
  {
    name: 'planner-nobody',
    agent: 'planner',
    subscription: { mode: 'custom', rules: [toolCallsWith('severity', 'equals', 'unheard of')] },
    wants: () => false,
  },
  { name: 'planner-disabled', agent: 'planner', subscription: all, enabled: false, wants: () => false },
  { name: 'executor-all', agent: 'executor', subscription: all, wants: () => true },
  {
    name: 'executor-staging',
    agent: 'executor',
    subscription: all,
    metadataFilter: { environment: 'staging' },
    wants: ({ environment }) => environment === 'staging',
  },
  { name: 'joiner-all', agent: 'joiner', subscription: all, wants: () => true },
];

/** Names of the notifications that an event is to be sent to. */
export function expectedFor(event: Facts): string[] {
  return notifications.filter((notification) => event.agents.includes(notification.agent) && notification.wants(event)).map(({ name }) => name);
}
