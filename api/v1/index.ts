import type { ApiDependencies } from '../dependencies.ts';
import { createRouter, type ApiRouter } from '../router.ts';

/** Herald's own API. */
export function createV1(_deps: ApiDependencies): ApiRouter {
  return createRouter();
}
