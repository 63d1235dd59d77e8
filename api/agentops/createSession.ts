import { metadataOf } from '../../model/metadata.ts';
import type { SessionTimeouts } from '../../model/timeouts.ts';
import type { Json, JsonObject } from '../../model/types.ts';
import { findAgent, findOrCreateAgent } from '../../store/agents.ts';
import type { ApiKey } from '../../store/apiKeys.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { patiently } from '../patience.ts';
import { timeoutsInput, timeoutsOf } from '../timeouts.ts';
import { badRequest } from '../problems.ts';
import { readSessionReport, sessionField, type SessionReport } from './sessionReport.ts';
import { readTimestamp } from './timestamps.ts';

type Dependencies = Pick<ApiDependencies, 'db' | 'ingest'>;

/**
 * Creates the session that `body` describes, or fills absent fields of the one that exists; durable when it answers.
 * Throws a 400 that names the field.
 */
export async function createSession(deps: Dependencies, apiKey: ApiKey, body: Json): Promise<{ id: string; created: boolean }> {
  const report = readSessionReport(body);
  if (report.id === undefined) {
    const field = sessionField(body, 'id');
    throw badRequest(field, `${field} is required: any text of 1 to 255 characters that you choose for the session.`);
  }
  const tags = report.tags ?? [];
  const reported = readTimestamp(report.raw.init_timestamp);
  const { timeouts, details } = withTimeouts(report.details);
  const { created } = await deps.ingest.createSession(apiKey.organisationId, {
    id: report.id,
    initTimestamp: reported ?? new Date().toISOString(),
    datedByReporter: reported !== undefined,
    tags: report.tags,
    metadata: metadataOf(tags, report.metadata),
    details,
    timeouts,
    agents: await patiently(() => agentsOf(deps, apiKey, report)),
  });
  return { id: report.id, created };
}

/** Timeouts that can be read are set; a field of this name that means something else is kept as it came. */
function withTimeouts({ timeouts, ...others }: JsonObject): { timeouts?: Partial<SessionTimeouts>; details: JsonObject } {
  const read = timeoutsInput.safeParse(timeouts);
  if (read.success) return { timeouts: timeoutsOf(read.data), details: others };
  return { details: timeouts === undefined ? others : { ...others, timeouts } };
}

/** The agent that the session names, else the key's own. Without either, the session waits for create_agent. */
async function agentsOf({ db }: Dependencies, apiKey: ApiKey, { agent }: SessionReport) {
  if (!agent) {
    const own = apiKey.defaultAgentId && (await findAgent(db, apiKey.organisationId, apiKey.defaultAgentId));
    return own ? [{ id: own.id, name: own.name }] : [];
  }
  const known = agent.name === undefined && agent.id ? await findAgent(db, apiKey.organisationId, agent.id) : undefined;
  const { id, name } = known ?? (await findOrCreateAgent(db, apiKey.organisationId, agent.name ?? agent.id ?? ''));
  return [{ id, name, ...(agent.id === undefined ? {} : { alias: agent.id }) }];
}
