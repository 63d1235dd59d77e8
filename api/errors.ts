import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import type { ApiEnv } from './dependencies.ts';
import { notFound, Problem, problemOf } from './problems.ts';

/** The only place where errors become answers: problem+json (RFC 9457) under /v1, AgentOps' shape elsewhere. */
export function answerError(log: Logger) {
  return (error: unknown, c: Context<ApiEnv>): Response => {
    const problem = problemOf(error) ?? internalError();
    const requestId = requestIdOf(c);
    if (problem.status >= 500) log.error({ err: error, requestId, path: c.req.path }, 'a request failed');
    for (const [name, value] of Object.entries(problem.headers)) c.header(name, value);
    c.header('X-Request-Id', requestId);
    return isHeraldsOwn(c.req.path) ? problemJson(c, problem, requestId) : agentopsError(c, problem);
  };
}

export function answerNotFound(log: Logger) {
  const answer = answerError(log);
  return (c: Context<ApiEnv>): Response => {
    const detail = `There is no ${c.req.method} ${c.req.path}. The routes are listed at /docs.`;
    return answer(notFound('route', detail), c);
  };
}

/** The id under which the log knows this request: the caller's `X-Request-Id`, or one of our own. */
export function requestIdOf(c: Context<ApiEnv>): string {
  const known = c.get('requestId');
  if (known) return known;
  const given = c.req.header('x-request-id');
  const id = given && /^[\w.-]{1,100}$/.test(given) ? given : randomUUID();
  c.set('requestId', id);
  return id;
}

function problemJson(c: Context<ApiEnv>, problem: Problem, requestId: string): Response {
  const body = {
    type: `urn:herald:problem:${problem.type}`,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    ...(problem.field === undefined ? {} : { field: problem.field }),
    ...problem.extra,
    request_id: requestId,
  };
  c.header('Content-Type', 'application/problem+json');
  return c.body(JSON.stringify(body), problem.status as ContentfulStatusCode);
}

function agentopsError(c: Context<ApiEnv>, problem: Problem): Response {
  return c.json({ error: problem.title, message: problem.detail }, problem.status as ContentfulStatusCode);
}

function isHeraldsOwn(path: string): boolean {
  return path === '/v1' || path.startsWith('/v1/');
}

function internalError(): Problem {
  return new Problem({
    status: 500,
    type: 'internal-error',
    title: 'Internal error',
    detail: 'Something went wrong on our side. The log has the details under the request id.',
  });
}
