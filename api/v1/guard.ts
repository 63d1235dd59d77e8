import type { MiddlewareHandler } from 'hono';
import type { ApiKeyScope } from '../../store/apiKeys.ts';
import { requireApiKey } from '../auth.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { limitedJsonBody } from '../router.ts';
import { idempotent } from './idempotency.ts';

/** What stands before a route: the caller's key and scope, the size of the body, and for POST the idempotency key. */
export interface Guards {
  read(scope: ApiKeyScope): [Guard];
  change(scope: ApiKeyScope): [Guard, Guard];
  create(scope: ApiKeyScope): [Guard, Guard, Guard];
}

type Guard = MiddlewareHandler<ApiEnv>;

export function createGuards(deps: ApiDependencies): Guards {
  const body = limitedJsonBody(deps.settings.limits.requestBytes);
  const repeated = idempotent(deps);
  return {
    read: (scope) => [requireApiKey(scope)],
    change: (scope) => [requireApiKey(scope), body],
    create: (scope) => [requireApiKey(scope), body, repeated],
  };
}

/** Either form of the API key. */
export const security: Record<string, string[]>[] = [{ bearerKey: [] }, { apiKey: [] }];
