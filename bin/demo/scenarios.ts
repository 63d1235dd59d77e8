import type { JsonObject } from '../../model/types.ts';

/** A notification of a scenario's agent. */
export interface DemoNotification {
  /** The integration's name in the specification. */
  name: string;
  type: 'slack' | 'webhook';
  subscription: JsonObject;
  metadataFilter?: Record<string, string>;
}

/** One execution of the agent, and what the specification says comes of it. */
export interface DemoCase {
  case: string;
  tags?: string[];
  metadata?: Record<string, string>;
  /** Events before the end. */
  events?: JsonObject[];
  /** `update_session`'s session without its id and time. */
  end?: JsonObject;
  /** For each event type: what each notification does with it. Of all other events: that they are in no rule. */
  expected: Record<string, Record<string, string>>;
  /** In which status it leaves the session. */
  status?: string;
}

export interface Scenario {
  /** Empty: it belongs to the one before. */
  title: string;
  /** The agent's name; without one Herald's agent `default` stands in. */
  agent?: string;
  notifications: DemoNotification[];
  cases: DemoCase[];
}

/** A message is sent. A Slack message with its text, which the specification gives. */
export const sent = (text?: string) => (text === undefined ? 'sent' : `sent: ${text}`);
export const skipped = (reason: 'event_type' | 'field_filter' | 'metadata') => `skipped (${reason})`;

const success = { end_state: 'Success', end_state_reason: 'Everything done' };
const failure = { end_state: 'Fail', end_state_reason: 'Deployment failed' };
const production = { environment: 'production' };
const staging = { environment: 'staging' };
const onFailure = { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] };

const orders: Scenario = {
  title: 'Order processing: alerts for failures and declined payments alone',
  agent: 'Order Processing Agent',
  notifications: [
    {
      name: '#operations-alerts',
      type: 'slack',
      subscription: {
        mode: 'custom',
        rules: [
          { event: 'ExecutionFailed' },
          { event: 'ExecutionCompleted', filters: [{ field: 'outcome', operator: 'equals', value: 'payment_declined' }] },
        ],
      },
    },
  ],
  cases: [
    {
      case: 'orders: a successful order notifies nobody',
      end: success,
      expected: { ExecutionCompleted: { '#operations-alerts': skipped('field_filter') } },
    },
    {
      case: 'orders: a failed execution alerts',
      end: { end_state: 'Fail', end_state_reason: 'Payment gateway timeout' },
      expected: { ExecutionFailed: { '#operations-alerts': sent('🔴 Execution Failed - Payment gateway timeout') } },
    },
    {
      case: 'orders: a declined payment alerts',
      end: { end_state: 'Success', outcome: 'payment_declined', end_state_reason: 'Payment declined for Order #12345' },
      expected: { ExecutionCompleted: { '#operations-alerts': sent('🟡 Execution Completed - Payment declined for Order #12345') } },
    },
  ],
};

const environments: Scenario = {
  title: 'Multi-environment deployment: a webhook for each environment',
  agent: 'Deployment Agent',
  notifications: [
    {
      name: 'Production Alerts',
      type: 'webhook',
      subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }, { event: 'ExecutionCompleted' }] },
      metadataFilter: production,
    },
    { name: 'Staging Alerts', type: 'webhook', subscription: onFailure, metadataFilter: staging },
  ],
  cases: [
    {
      case: 'environments: a production execution fails',
      metadata: production,
      end: failure,
      expected: { ExecutionFailed: { 'Production Alerts': sent(), 'Staging Alerts': skipped('metadata') } },
    },
    {
      case: 'environments: a staging execution completes',
      metadata: staging,
      end: success,
      expected: { ExecutionCompleted: { 'Production Alerts': skipped('metadata'), 'Staging Alerts': skipped('event_type') } },
    },
    {
      case: 'environments: a production execution completes',
      metadata: production,
      end: success,
      expected: { ExecutionCompleted: { 'Production Alerts': sent(), 'Staging Alerts': skipped('event_type') } },
    },
    {
      case: 'environments: a staging execution fails',
      metadata: staging,
      end: failure,
      expected: { ExecutionFailed: { 'Production Alerts': skipped('metadata'), 'Staging Alerts': sent() } },
    },
  ],
};

/** The rows of the specification's table: the execution's metadata, the filter, the result. */
const metadataRows: [row: string, metadata: Record<string, string>, filter: Record<string, string>, result: string][] = [
  ['the pair is equal', production, production, sent()],
  ['the value differs', staging, production, skipped('metadata')],
  ['extra keys are ignored', { ...production, region: 'us-east' }, production, sent()],
  ['a key is missing', production, { ...production, team: 'payments' }, skipped('metadata')],
];

const metadata: Scenario[] = metadataRows.map(([row, pairs, filter, result], index) => {
  const name = `only ${Object.values(filter).join(', ')}`;
  return {
    title: index === 0 ? 'Metadata filters: every pair must match' : '',
    agent: `Metadata Agent ${index + 1}`,
    notifications: [{ name, type: 'webhook', subscription: onFailure, metadataFilter: filter }],
    cases: [{ case: `metadata: ${row}`, metadata: pairs, end: failure, expected: { ExecutionFailed: { [name]: result } } }],
  };
});

const or: Scenario = {
  title: 'Several filters: any of them suffices',
  agent: 'Outcome Agent',
  notifications: [
    {
      name: 'failure or cancelled',
      type: 'webhook',
      subscription: {
        mode: 'custom',
        rules: [
          {
            event: 'ExecutionCompleted',
            filters: [
              { field: 'Outcome', operator: 'equals', value: 'failure' },
              { field: 'Outcome', operator: 'equals', value: 'cancelled' },
            ],
          },
        ],
      },
    },
  ],
  cases: Object.entries({ failure: sent(), cancelled: sent(), success: skipped('field_filter') }).map(([outcome, result]) => ({
    case: `or: the outcome is ${outcome}`,
    end: { end_state: 'Success', outcome, end_state_reason: `The outcome is ${outcome}` },
    expected: { ExecutionCompleted: { 'failure or cancelled': result } },
  })),
};

const all: Scenario = {
  title: 'Subscribe to all: types that nobody has heard of, too',
  agent: 'Inventory Agent',
  notifications: [{ name: 'everything', type: 'webhook', subscription: { mode: 'all' } }],
  cases: [
    {
      case: 'all: an event type nobody has heard of',
      events: [{ type: 'InventoryReconciled', counted: 1200, missing: 3 }],
      expected: { ExecutionStarted: { everything: sent() }, InventoryReconciled: { everything: sent() } },
    },
  ],
};

const rest: Scenario = {
  title: 'The requests example of the REST API: one session with one LLM event',
  notifications: [{ name: 'default', type: 'webhook', subscription: { mode: 'all' } }],
  cases: [
    {
      case: 'rest: the requests example',
      tags: ['example'],
      events: [{ type: 'llm', model: 'gpt-4', prompt: 'Hello, world!', completion: 'Hi there!', prompt_tokens: 3, completion_tokens: 2 }],
      end: { end_state: 'completed' },
      expected: { ExecutionStarted: { default: sent() }, ExecutionStepStarted: { default: sent() }, ExecutionCompleted: { default: sent() } },
      status: 'completed',
    },
  ],
};

export const scenarios: Scenario[] = [orders, environments, ...metadata, or, all, rest];
