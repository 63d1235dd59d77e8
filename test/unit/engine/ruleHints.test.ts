import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRuleHints, type RuleHints } from '../../../api/ruleHints.ts';
import type { SessionEvent } from '../../../model/types.ts';
import { findOrCreateAgent } from '../../../store/agents.ts';
import type { SessionLock } from '../../../store/append.ts';
import { createIntegration } from '../../../store/integrations.ts';
import { createNotification } from '../../../store/notifications.ts';
import { createOrganisation } from '../../../store/organisations.ts';
import { createTestDatabase, type TestDatabase } from '../../support/stack.ts';

let database: TestDatabase;
let hints: RuleHints;
let session: SessionLock;

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  const { id: organisationId } = await createOrganisation(db, { name: 'test' });
  const agent = await findOrCreateAgent(db, organisationId, 'orders');
  const { id: integrationId } = await createIntegration(db, organisationId, { name: 'alerts', type: 'webhook', config: {}, secrets: '', enabled: true });
  const subscription = { mode: 'custom' as const, rules: [{ event: 'ExecutionFailed', filters: [] }] };
  const notification = { agentId: agent.id, integrationId, subscription, metadataFilter: {}, channel: null, enabled: true };
  await createNotification(db, organisationId, notification, () => {});
  session = { organisationId, id: 'session', key: 1, lastSeq: 2, decidedSeq: 0, listening: false, agents: [{ id: agent.id, name: 'orders', aliases: [] }], rulesVersion: 1 };
  hints = createRuleHints(db, pino({ level: 'silent' }));
  hints.known(session);
  await vi.waitFor(() => expect(hints.known(session)).toHaveLength(1));
});
afterAll(() => database?.close());

function event(seq: number, type: string, more: Partial<SessionEvent> = {}): SessionEvent {
  return { seq, id: `event ${seq}`, type, payload: {}, rulesVersion: 1, occurredAt: '2024-03-14T12:00:00.000Z', ...more };
}

describe('an event', () => {
  it('is urgent when a notification may be sent for it', () => {
    expect(hints.isUrgent(session, [event(2, 'ExecutionStepStarted'), event(3, 'ExecutionFailed')])).toBe(true);
    expect(hints.isUrgent(session, [event(2, 'ExecutionStepStarted')])).toBe(false);
  });

  it('is urgent when it names an agent that the events before it may wait for', () => {
    const agents = session.agents.map(({ id, name }) => ({ id, name }));
    expect(hints.isUrgent(session, [event(2, 'AgentRegistered', { silent: true, effects: { agents } })])).toBe(true);
    expect(hints.isUrgent(session, [event(1, 'ExecutionStarted', { effects: { agents } })])).toBe(false);
  });

  it('is urgent while the rules of its time are not known here', () => {
    expect(hints.isUrgent({ ...session, rulesVersion: 99 }, [event(2, 'ExecutionStepStarted')])).toBe(true);
  });
});
