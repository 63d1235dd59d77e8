import type { Selectable } from 'kysely';
import type { Db } from './database.ts';
import { newId } from './ids.ts';
import { createdAtOf, isAfter, type Page, pageOf, type PageRequest } from './paging.ts';
import type { AgentTable } from './tables.ts';
import { changeRules } from './ruleChanges.ts';

export interface Agent {
  id: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

/**
 * The organisation's agent of this name, made now if there is none.
 * Safe against two callers at once: both get the same agent, and one of them `created: true`.
 */
export async function findOrCreateAgent(
  db: Db,
  organisationId: string,
  name: string,
): Promise<{ id: string; name: string; created: boolean }> {
  const known = await findAgentByName(db, organisationId, name);
  if (known) return { id: known.id, name, created: false };
  const result = await createAgent(db, organisationId, name);
  return result.outcome === 'created'
    ? { id: result.agent.id, name, created: true }
    : { id: result.existingId, name, created: false };
}

/** The organisation's agent with this id, else the one with this name. */
export async function findAgent(
  db: Db,
  organisationId: string,
  idOrName: string,
): Promise<{ id: string; name: string } | undefined> {
  const found = await db
    .selectFrom('agents')
    .select(['id', 'name'])
    .where('organisation_id', '=', organisationId)
    .where((is) => is.or([is('id', '=', idOrName), is('name', '=', idOrName)]))
    .execute();
  return found.find((agent) => agent.id === idOrName) ?? found[0];
}

export async function listAgents(
  db: Db,
  organisationId: string,
  filter: { name?: string },
  page: PageRequest,
): Promise<Page<Agent>> {
  const rows = await db
    .selectFrom('agents')
    .selectAll()
    .select(createdAtOf('created_at').as('position'))
    .where('organisation_id', '=', organisationId)
    .$if(filter.name !== undefined, (query) => query.where('name', '=', filter.name!))
    .$if(page.after !== undefined, (query) => query.where(isAfter(page.after!, 'created_at', 'id')))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
  return pageOf(rows, page.limit, agentOf, (row) => ({ createdAt: row.position, id: row.id }));
}

export async function readAgent(db: Db, organisationId: string, id: string): Promise<Agent | undefined> {
  const row = await db
    .selectFrom('agents')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && agentOf(row);
}

/** Makes an agent, unless its name is taken. */
export async function createAgent(
  db: Db,
  organisationId: string,
  name: string,
): Promise<{ outcome: 'created'; agent: Agent } | { outcome: 'exists'; existingId: string }> {
  return changeRules(db, organisationId, async (trx) => {
    const existing = await findAgentByName(trx, organisationId, name);
    if (existing) return { outcome: 'exists', existingId: existing.id };
    const row = await trx
      .insertInto('agents')
      .values({ id: newId('agt'), organisation_id: organisationId, name })
      .returningAll()
      .executeTakeFirstOrThrow();
    return { outcome: 'created', agent: agentOf(row) };
  });
}

/** Gives an agent another name, unless that is taken. */
export async function renameAgent(
  db: Db,
  organisationId: string,
  id: string,
  name: string,
): Promise<{ outcome: 'renamed'; agent: Agent } | { outcome: 'exists'; existingId: string } | { outcome: 'unknown' }> {
  return changeRules(db, organisationId, async (trx) => {
    const existing = await findAgentByName(trx, organisationId, name);
    if (existing && existing.id !== id) return { outcome: 'exists', existingId: existing.id };
    const row = await trx
      .updateTable('agents')
      .set({ name, updated_at: new Date() })
      .where('organisation_id', '=', organisationId)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    return row ? { outcome: 'renamed', agent: agentOf(row) } : { outcome: 'unknown' };
  });
}

/** Removes an agent with its notifications, and as default agent of API keys. Answers whether there was one. */
export async function deleteAgent(db: Db, organisationId: string, id: string): Promise<boolean> {
  return changeRules(db, organisationId, async (trx) => {
    await trx
      .updateTable('api_keys')
      .set({ default_agent_id: null })
      .where('organisation_id', '=', organisationId)
      .where('default_agent_id', '=', id)
      .execute();
    const { numDeletedRows } = await trx
      .deleteFrom('agents')
      .where('organisation_id', '=', organisationId)
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  });
}

function findAgentByName(db: Db, organisationId: string, name: string): Promise<{ id: string } | undefined> {
  return db
    .selectFrom('agents')
    .select('id')
    .where('organisation_id', '=', organisationId)
    .where('name', '=', name)
    .executeTakeFirst();
}

function agentOf(row: Selectable<AgentTable>): Agent {
  return { id: row.id, name: row.name, createdAt: row.created_at, updatedAt: row.updated_at };
}
