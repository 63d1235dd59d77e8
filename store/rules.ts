import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { NotificationRule, RuleSet, Subscription } from '../model/types.ts';
import type { Db } from './database.ts';

interface RuleRow {
  agentId: string;
  id: string;
  integrationId: string;
  label: string;
  channel: string | null;
  enabled: boolean;
  subscription: Subscription;
  metadataFilter: Record<string, string>;
}

/**
 * The notifications of some agents as the rules see them, all read at one rules version.
 * The order of each set is stored under its id, so that decisions can refer to positions.
 */
export async function loadRuleSets(db: Db, organisationId: string, agentIds: string[]): Promise<RuleSet[]> {
  const { version, rows } = await readRules(db, organisationId, agentIds);
  const sets = agentIds.map((agentId) => ({
    agentId,
    version,
    notifications: rows.filter((row) => row.agentId === agentId).map(({ agentId: _agentId, ...rule }): NotificationRule => rule),
  }));
  return Promise.all(sets.map(async (set) => ({ ...set, id: String(await ruleSetId(db, organisationId, set)) })));
}

/** One snapshot for both queries: rules that are newer than their version would be taken for older ones. */
async function readRules(db: Db, organisationId: string, agentIds: string[]): Promise<{ version: number; rows: RuleRow[] }> {
  const snapshot = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return snapshot.execute(async (trx) => {
    const { rules_version: version } = await trx
      .selectFrom('organisations')
      .select('rules_version')
      .where('id', '=', organisationId)
      .executeTakeFirstOrThrow();
    const { rows } = await sql<RuleRow>`
      select n.agent_id as "agentId", n.id, n.integration_id as "integrationId", n.channel,
             initcap(i.type) || ' ' || coalesce(n.channel, i.config->>'channel', i.name) as label,
             n.enabled and i.enabled as enabled, n.subscription, n.metadata_filter as "metadataFilter"
      from notifications n join integrations i on i.id = n.integration_id
      where n.organisation_id = ${organisationId} and n.agent_id = any(${agentIds}::text[])
      order by n.created_at, n.id`.execute(trx);
    return { version, rows };
  });
}

/** Notification ids of a rule set, in the order that outcome codes refer to. */
export async function loadRuleSetIds(db: Db, ids: string[]): Promise<Map<string, { agentId: string; notificationIds: string[] }>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('rule_sets')
    .select(['id', 'agent_id', 'notification_ids'])
    .where(sql<boolean>`id = any(${ids}::bigint[])`)
    .execute();
  return new Map(rows.map((r) => [String(r.id), { agentId: r.agent_id, notificationIds: r.notification_ids }]));
}

async function ruleSetId(db: Db, organisationId: string, { agentId, notifications }: Omit<RuleSet, 'id'>): Promise<number> {
  const ids = notifications.map((rule) => rule.id);
  const digest = createHash('sha256').update(JSON.stringify([agentId, ids])).digest();
  const known = await db
    .selectFrom('rule_sets')
    .select('id')
    .where('organisation_id', '=', organisationId)
    .where('digest', '=', digest)
    .executeTakeFirst();
  if (known) return known.id;
  // The update does nothing but answer the id when somebody else was quicker.
  const inserted = await db
    .insertInto('rule_sets')
    .values({ organisation_id: organisationId, agent_id: agentId, digest, notification_ids: ids })
    .onConflict((conflict) => conflict.columns(['organisation_id', 'digest']).doUpdateSet({ agent_id: agentId }))
    .returning('id')
    .executeTakeFirstOrThrow();
  return inserted.id;
}
