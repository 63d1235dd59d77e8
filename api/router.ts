import { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { getPath } from 'hono/utils/url';
import type { ApiEnv } from './dependencies.ts';
import { parseJson } from './json.ts';
import { readBytes } from './limits.ts';
import { invalidInput, unsupportedMediaType } from './problems.ts';

export type ApiRouter = OpenAPIHono<ApiEnv>;

/** An empty router whose routes answer invalid input with a 400 that names the field. */
export function createRouter(): ApiRouter {
  return new OpenAPIHono<ApiEnv>({
    getPath: tolerantPath,
    defaultHook: (result) => {
      if (!result.success) throw invalidInput(result.error);
    },
  });
}

/** `//v2/create_session/` is `/v2/create_session`: the AgentOps SDK joins addresses carelessly. */
function tolerantPath(request: Request): string {
  const path = getPath(request);
  if (!path.includes('//') && !(path.length > 1 && path.endsWith('/'))) return path;
  return path.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
}

/** Reads JSON bodies ahead of the routes' schemas: within `maxBytes`, well-formed, not too deep. */
export function limitedJsonBody(maxBytes: number): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (hasBody(c.req.header('content-length'), c.req.header('transfer-encoding'))) {
      if (!/^application\/([\w.-]+\+)?json\b/i.test(c.req.header('content-type') ?? '')) {
        throw unsupportedMediaType('Send the body as JSON with Content-Type: application/json.');
      }
      const text = (await readBytes(c, maxBytes)).toString('utf8');
      const value = parseJson(text);
      Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
      // The request's own way would change large numbers.
      Object.assign(c.req, { json: () => Promise.resolve(value) });
    }
    await next();
  };
}

function hasBody(contentLength: string | undefined, transferEncoding: string | undefined): boolean {
  return transferEncoding !== undefined || Number(contentLength ?? 0) > 0;
}
