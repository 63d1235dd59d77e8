import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findOrCreateAgent } from '../../../store/agents.ts';
import { createIntegration, updateIntegration } from '../../../store/integrations.ts';
import { createNotification } from '../../../store/notifications.ts';
import { createOrganisation } from '../../../store/organisations.ts';
import { disableIntegration } from '../../../store/integrationAlerts.ts';
import { loadRuleSetIds, loadRuleSets } from '../../../store/rules.ts';
import { createTestDatabase, type TestDatabase } from '../../support/stack.ts';

const gone = { reason: 'gone', lastError: 'answered 410 Gone' };

let database: TestDatabase;
let organisationId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  organisationId = (await createOrganisation(database.db, { name: 'test' })).id;
});
afterAll(() => database?.close());

async function boundAgent(name: string): Promise<{ agentId: string; integrationId: string; notificationId: string }> {
  const { db } = database;
  const { id: agentId } = await findOrCreateAgent(db, organisationId, name);
  const input = { name: 'alerts', type: 'slack', config: { channel: '#alerts' }, secrets: '', enabled: true };
  const { id: integrationId } = await createIntegration(db, organisationId, input);
  const notification = { agentId, integrationId, subscription: { mode: 'all' as const }, metadataFilter: {}, channel: null, enabled: true };
  const saved = await createNotification(db, organisationId, notification, () => {});
  return { agentId, integrationId, notificationId: saved.outcome === 'saved' ? saved.notification.id : '' };
}

const load = async (...agentIds: string[]) => loadRuleSets(database.db, organisationId, agentIds);

describe('the rules of agents', () => {
  it('come with the version they were read at and a number for their order', async () => {
    const { agentId, notificationId } = await boundAgent('orders');
    const [rules] = await load(agentId);
    expect(rules).toMatchObject({ agentId, notifications: [{ id: notificationId, label: 'Slack #alerts', enabled: true }] });
    expect(await loadRuleSetIds(database.db, [rules!.id])).toEqual(new Map([[rules!.id, { agentId, notificationIds: [notificationId] }]]));
  });

  it('get one number, however many read them first at the same time', async () => {
    const { agentId } = await boundAgent('support');
    const readers = await Promise.all(Array.from({ length: 8 }, () => load(agentId)));
    expect(new Set(readers.map(([rules]) => rules!.id)).size).toBe(1);
  });

  it('change their version, and not their number, when a destination is disabled', async () => {
    const { agentId, integrationId } = await boundAgent('billing');
    const [before] = await load(agentId);
    await Promise.all([disableIntegration(database.db, integrationId, gone), disableIntegration(database.db, integrationId, gone)]);
    const [after] = await load(agentId);
    expect(after).toMatchObject({ id: before!.id, notifications: [{ enabled: false }] });
    expect(after!.version).toBeGreaterThan(before!.version);
  });

  it('can be disabled by a destination while people change them', async () => {
    const { integrationId } = await boundAgent('shipping');
    const changes = Array.from({ length: 10 }, (_, index) => [
      updateIntegration(database.db, organisationId, integrationId, () => ({ enabled: true, name: `alerts ${index}` })),
      disableIntegration(database.db, integrationId, gone),
    ]);
    const results = await Promise.allSettled(changes.flat());
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
  });
});
