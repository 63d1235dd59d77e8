import { Hono } from 'hono';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { ApiEnv } from '../../../api/dependencies.ts';
import { answerError, answerNotFound } from '../../../api/errors.ts';
import { OverloadedError } from '../../../api/groupCommit.ts';
import { SecretError } from '../../../store/secrets.ts';
import { badRequest, conflict, fieldName, unauthorized } from '../../../api/problems.ts';

const logged: string[] = [];
const log = pino({ level: 'warn' }, { write: (line) => logged.push(line) });

async function answerTo(error: unknown, path: string): Promise<{ status: number; headers: Headers; body: unknown }> {
  const app = new Hono<ApiEnv>();
  app.onError(answerError(log));
  app.notFound(answerNotFound(log));
  app.get('*', (_c, next) => (error === undefined ? next() : Promise.reject(error)));
  const response = await app.request(path, { headers: { 'X-Request-Id': 'req-1' } });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe('an error', () => {
  it('is a problem+json with field and request id under /v1', async () => {
    const { status, headers, body } = await answerTo(badRequest('config.url', 'config.url: is required'), '/v1/integrations');
    expect(status).toBe(400);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(body).toEqual({
      type: 'urn:herald:problem:invalid-request',
      title: 'Invalid request',
      status: 400,
      detail: 'config.url: is required',
      field: 'config.url',
      request_id: 'req-1',
    });
  });

  it('carries what else the caller needs', async () => {
    expect((await answerTo(conflict('There is one.', { id: 'agt_1' }), '/v1/agents')).body).toMatchObject({ status: 409, id: 'agt_1' });
    expect((await answerTo(unauthorized('Invalid API key', 'Check it'), '/v1/agents')).headers.get('www-authenticate')).toContain('Bearer');
  });

  it('has AgentOps\' shape on its routes', async () => {
    expect((await answerTo(badRequest('events', 'events is required'), '/v2/create_events')).body).toEqual({
      error: 'Invalid request',
      message: 'events is required',
    });
    expect(await answerTo(undefined, '/v2/nothing')).toMatchObject({ status: 404, body: { error: 'Not found' } });
    expect(await answerTo(undefined, '/v1/nothing')).toMatchObject({ status: 404, body: { type: 'urn:herald:problem:not-found' } });
  });

  it('of a secret that no key opens says what to do, and nothing of the secret', async () => {
    const error = new SecretError('The secret was sealed with key 1234abcd, which is not configured.');
    const { status, body } = await answerTo(error, '/v1/integrations/int_1');
    expect(status).toBe(409);
    expect(body).toMatchObject({ type: 'urn:herald:problem:conflict', detail: expect.stringContaining('HERALD_PREVIOUS_SECRET_KEYS') });
  });

  it('of ours says nothing of its inside, but the log does', async () => {
    const { status, body } = await answerTo(new Error('password=hunter2'), '/v2/create_events');
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('hunter2');
    expect(logged.at(-1)).toContain('hunter2');
    expect(logged.at(-1)).toContain('req-1');
  });

  it.each([
    ['an overload', new OverloadedError({ mayBeStored: false }), 'Nothing was stored; try again.'],
    ['an attempt whose end is unknown', new OverloadedError({ mayBeStored: true }), 'It may have been stored: repeat it with the same ids.'],
    ['a lost database', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), 'Nothing was stored; try again.'],
  ])('is a 503 with Retry-After for %s, and says what is stored', async (_what, error, said) => {
    const { status, headers, body } = await answerTo(error, '/v2/create_events');
    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('5');
    expect(body).toEqual({ error: 'Temporarily unavailable', message: expect.stringContaining(said) });
  });

  it('is a 400 for a value that Postgres cannot hold', async () => {
    const error = Object.assign(new Error('invalid byte sequence for encoding "UTF8": 0x00'), { code: '22021' });
    expect(await answerTo(error, '/v2/create_events')).toMatchObject({ status: 400, body: { message: expect.stringContaining('NUL') } });
  });

  it('names fields as people write them', () => {
    expect(fieldName(['events', 3, 'type'])).toBe('events[3].type');
    expect(fieldName([0, 'id'])).toBe('[0].id');
    expect(fieldName([])).toBeUndefined();
  });
});
