import type { Handler } from 'hono';
import type { ApiEnv } from '../dependencies.ts';
import { patiently } from '../patience.ts';
import type { ApiRouter } from '../router.ts';

/** Whose changes touch nothing but Postgres. */
const CONFIGURATION = /^\/(agents|api_keys|integrations|notifications|organisation|slack\/installs)\b/;

/**
 * Has the routes that are registered from now on ask again while Postgres is away, as requests with events do: those that
 * read, and those that change the configuration. The handler of a change makes it in one transaction
 * (store/transactions.ts), or such that making it again comes to the same, and fails for want of Postgres only before.
 */
export function answerPatiently(app: ApiRouter): void {
  const register = app.openapi;
  const openapi: typeof register = (route, handler, hook) => {
    if (route.method !== 'get' && !CONFIGURATION.test(route.path)) return register(route, handler, hook);
    const answer = handler as Handler<ApiEnv>;
    const patient: Handler<ApiEnv> = (c, next) => patiently(async () => answer(c, next));
    return register(route, patient as typeof handler, hook);
  };
  app.openapi = openapi;
}
