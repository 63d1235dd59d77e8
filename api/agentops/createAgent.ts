import type { Json } from '../../model/types.ts';
import { findOrCreateAgent } from '../../store/agents.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { SessionClaims } from '../jwt.ts';
import { patiently } from '../patience.ts';
import { badRequest, notFound } from '../problems.ts';
import { foreignSession } from './events.ts';
import { agentSchema, check, requireObject } from './schemas.ts';
import { isGiven } from './timestamps.ts';

/**
 * Names an agent of the session. Agents are known by name; the id is only what this session calls it by.
 * Throws a 400 that names the field, or 404 when the session is gone.
 */
export async function createAgent(deps: Pick<ApiDependencies, 'db' | 'ingest'>, claims: SessionClaims, body: Json): Promise<void> {
  const outer = requireObject(body);
  const nested = outer.agent !== undefined;
  const raw = nested ? requireObject(outer.agent, ['agent']) : outer;
  const agent = check(agentSchema, raw, nested ? ['agent'] : []);
  if (isGiven(agent.session_id) && agent.session_id !== claims.sessionId) throw foreignSession('session_id');
  const alias = agent.id ?? agent.agent_id ?? undefined;
  const name = agent.name ?? agent.agent_name ?? alias;
  if (name === undefined) throw badRequest('name', 'name is required: the name under which the agent has its notifications.');
  const { id } = await patiently(() => findOrCreateAgent(deps.db, claims.organisationId, name));
  const result = await deps.ingest.appendEvents(claims.organisationId, claims.sessionId, [
    {
      id: `${claims.sessionId}:agent:${alias ?? id}`,
      type: 'AgentRegistered',
      payload: { agent_id: id, name, ...(alias === undefined ? {} : { alias }) },
      occurredAt: new Date().toISOString(),
      effects: { agents: [{ id, name, ...(alias === undefined ? {} : { alias }) }] },
      silent: true,
    },
  ]);
  if (result.outcome === 'no_session') throw notFound(`session '${claims.sessionId}'`);
}
