import type { Handler } from 'hono';
import type { ApiEnv } from '../dependencies.ts';
import { patiently } from '../patience.ts';
import type { ApiRouter } from '../router.ts';

/** Has the GET routes that are registered from now on ask again while Postgres is away, as requests with events do. */
export function readPatiently(app: ApiRouter): void {
  const register = app.openapi;
  const openapi: typeof register = (route, handler, hook) => {
    if (route.method !== 'get') return register(route, handler, hook);
    const read = handler as Handler<ApiEnv>;
    const patient: Handler<ApiEnv> = (c, next) => patiently(async () => read(c, next));
    return register(route, patient as typeof handler, hook);
  };
  app.openapi = openapi;
}
