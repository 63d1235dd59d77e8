import type { JsonObject } from '../../model/types.ts';

/** A notification of a scenario's agent. */
export interface DemoNotification {
  /** The integration's name in the seed. */
  name: string;
  type: 'slack' | 'webhook';
  subscription: JsonObject;
  metadataFilter?: Record<string, string>;
}

/** One execution of the agent, and what the specification says comes of it. */
export interface DemoCase {
  case: string;
  metadata?: Record<string, string>;
  /** Events before the end. */
  events?: JsonObject[];
  /** `update_session`'s session without its id. */
  end?: JsonObject;
  /** The event type that the expectations are about. */
  about: string;
  /** For each notification: the message that is sent, or `skipped`. For a webhook: `sent`. */
  expected: Record<string, string>;
}

export interface Scenario {
  title: string;
  agent: string;
  notifications: DemoNotification[];
  cases: DemoCase[];
}

const success = { end_state: 'Success', end_state_reason: 'Order processed' };
const failure = { end_state: 'Fail', end_state_reason: 'Deployment failed' };
const production = { environment: 'production' };
const staging = { environment: 'staging' };

const orders: Scenario = {
  title: 'Order processing: alerts for failures and declined payments only',
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
      about: 'ExecutionCompleted',
      expected: { '#operations-alerts': 'skipped' },
    },
    {
      case: 'orders: a failed execution alerts',
      end: { end_state: 'Fail', end_state_reason: 'Payment gateway timeout' },
      about: 'ExecutionFailed',
      expected: { '#operations-alerts': '🔴 Execution Failed - Payment gateway timeout' },
    },
    {
      case: 'orders: a declined payment alerts',
      end: { end_state: 'Success', outcome: 'payment_declined', end_state_reason: 'Payment declined for Order #12345' },
      about: 'ExecutionCompleted',
      expected: { '#operations-alerts': '🟡 Execution Completed - Payment declined for Order #12345' },
    },
  ],
};

const environments: Scenario = {
  title: 'Multi-environment: another webhook for each environment',
  agent: 'Deployment Agent',
  notifications: [
    {
      name: 'Production Alerts',
      type: 'webhook',
      subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }, { event: 'ExecutionCompleted' }] },
      metadataFilter: production,
    },
    {
      name: 'Staging Alerts',
      type: 'webhook',
      subscription: { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] },
      metadataFilter: staging,
    },
  ],
  cases: [
    {
      case: 'environments: production fails',
      metadata: production,
      end: failure,
      about: 'ExecutionFailed',
      expected: { 'Production Alerts': 'sent', 'Staging Alerts': 'skipped' },
    },
    {
      case: 'environments: staging completes',
      metadata: staging,
      end: success,
      about: 'ExecutionCompleted',
      expected: { 'Production Alerts': 'skipped', 'Staging Alerts': 'skipped' },
    },
    {
      case: 'environments: production completes',
      metadata: production,
      end: success,
      about: 'ExecutionCompleted',
      expected: { 'Production Alerts': 'sent', 'Staging Alerts': 'skipped' },
    },
    {
      case: 'environments: staging fails',
      metadata: staging,
      end: failure,
      about: 'ExecutionFailed',
      expected: { 'Production Alerts': 'skipped', 'Staging Alerts': 'sent' },
    },
  ],
};

const failed = { mode: 'custom', rules: [{ event: 'ExecutionFailed' }] };

const metadata: Scenario = {
  title: 'Metadata filters: every pair must match',
  agent: 'Metadata Agent',
  notifications: [
    { name: 'environment=production', type: 'webhook', subscription: failed, metadataFilter: production },
    {
      name: 'environment=production, team=payments',
      type: 'webhook',
      subscription: failed,
      metadataFilter: { ...production, team: 'payments' },
    },
  ],
  cases: [
    {
      case: 'metadata: equal pair',
      metadata: production,
      end: failure,
      about: 'ExecutionFailed',
      expected: { 'environment=production': 'sent' },
    },
    {
      case: 'metadata: other value',
      metadata: staging,
      end: failure,
      about: 'ExecutionFailed',
      expected: { 'environment=production': 'skipped' },
    },
    {
      case: 'metadata: extra keys are ignored',
      metadata: { ...production, region: 'us-east' },
      end: failure,
      about: 'ExecutionFailed',
      expected: { 'environment=production': 'sent' },
    },
    {
      case: 'metadata: a key is missing',
      metadata: production,
      end: failure,
      about: 'ExecutionFailed',
      expected: { 'environment=production, team=payments': 'skipped' },
    },
  ],
};

const outcomeOf = (outcome: string, result: string): DemoCase => ({
  case: `or: outcome ${outcome}`,
  end: { end_state: 'Success', outcome, end_state_reason: `Outcome ${outcome}` },
  about: 'ExecutionCompleted',
  expected: { 'failure or cancelled': result },
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
  cases: [outcomeOf('failure', 'sent'), outcomeOf('cancelled', 'sent'), outcomeOf('success', 'skipped')],
};

const all: Scenario = {
  title: 'Subscribe to all: types that nobody has heard of, too',
  agent: 'Inventory Agent',
  notifications: [{ name: 'everything', type: 'webhook', subscription: { mode: 'all' } }],
  cases: [
    {
      case: 'all: an event type nobody has heard of',
      events: [{ type: 'InventoryReconciled', counted: 1200, missing: 3 }],
      about: 'InventoryReconciled',
      expected: { everything: 'sent' },
    },
  ],
};

export const scenarios: Scenario[] = [orders, environments, metadata, or, all];
