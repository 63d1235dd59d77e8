import type { ApiDependencies } from '../dependencies.ts';
import { createRouter, type ApiRouter } from '../router.ts';

/** The routes of the AgentOps REST API (seeds/agentops-rest-api.txt), unprefixed and under /v2. */
export function createAgentops(_deps: ApiDependencies): ApiRouter {
  return createRouter();
}
