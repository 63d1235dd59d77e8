import { setTimeout as sleep } from 'node:timers/promises';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSessionTokens } from '../../api/jwt.ts';
import { createApiKey, findApiKey, revokeApiKey } from '../../store/apiKeys.ts';
import { newOrganisation, post, startSession, startTestApi, storedEvents, type TestApi, withKey, withToken } from '../support/api.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('who may report to a session', () => {
  let api: TestApi;
  let keyId: string;
  const events = { events: [{ id: 'e1', type: 'llm' }] };
  const send = (headers: Record<string, string>, body: unknown = events) => post(`${api.url}/v2/create_events`, body, headers);

  beforeAll(async () => {
    api = await startTestApi();
    keyId = (await findApiKey(api.db, api.key))!.id;
    await startSession(api, { id: 's' });
  });
  afterAll(() => api.close());

  function tokenOf(sessionId: string, ageMs = 0): Promise<string> {
    const tokens = createSessionTokens(api.settings.secretKey);
    return tokens.issue({ sessionId, organisationId: api.organisationId, apiKeyId: keyId }, Date.now() - ageMs);
  }

  it('asks for a token', async () => {
    expect(await send({})).toMatchObject({ status: 401, body: { error: 'Missing token', message: expect.stringContaining('Authorization: Bearer') } });
    expect(await send(withKey(api.key))).toMatchObject({ status: 401, body: { error: 'Missing token' } });
  });

  it('does not take an API key for a token', async () => {
    expect(await send(withToken(api.key))).toMatchObject({ status: 401, body: { error: 'Invalid token' } });
  });

  it('refuses forged tokens, with a valid key too', async () => {
    const claims = { session_id: 's', organisation_id: api.organisationId, api_key_id: keyId };
    const otherKey = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(Buffer.from('x'.repeat(32)));
    const rawSecret = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(Buffer.from(api.settings.secretKey));
    const unsigned = new UnsecuredJWT(claims).setExpirationTime('1h').encode();
    const [header, , signature] = (await tokenOf('s')).split('.');
    const changed = [header, Buffer.from(JSON.stringify({ ...claims, session_id: 'other' })).toString('base64url'), signature].join('.');
    for (const forged of [otherKey, rawSecret, unsigned, changed]) {
      expect(await send(withToken(forged))).toMatchObject({ status: 401, body: { error: 'Invalid token' } });
      expect(await send({ ...withToken(forged), ...withKey(api.key) })).toMatchObject({ status: 401, body: { error: 'Invalid token' } });
    }
  });

  it('says that a token of yesterday has expired and how to get a new one', async () => {
    const answer = await send(withToken(await tokenOf('s', DAY_MS + 1000)));
    expect(answer).toMatchObject({ status: 401, body: { error: 'Token expired', message: expect.stringContaining('/v2/reauthorize_jwt') } });
    expect(await send(withToken(await tokenOf('s', DAY_MS - 60_000)))).toMatchObject({ status: 200 });
  });

  it('accepts an expired token beside a valid key of its organisation, because the SDK never asks for a new one', async () => {
    const expired = withToken(await tokenOf('s', 3 * DAY_MS));
    const other = await newOrganisation(api.db);
    expect(await send({ ...expired, ...withKey(api.key) })).toMatchObject({ status: 200, body: 'Success' });
    expect(await send({ ...expired, ...withKey('unknown') })).toMatchObject({ status: 401, body: { error: 'Invalid API key' } });
    expect(await send({ ...expired, ...withKey(other.key) })).toMatchObject({ status: 403, body: { error: 'Forbidden' } });
  });

  it('refuses another session than the token\'s, wherever it is named, and stores nothing', async () => {
    await startSession(api, { id: 'mine' });
    const mine = withToken(await tokenOf('mine'));
    const calls: [string, unknown][] = [
      ['create_events', { events: [{ id: 'x', type: 'llm', session_id: 's' }] }],
      ['create_events', { events: [{ id: 'ok', type: 'llm' }, { id: 'x', type: 'llm', session_id: 's' }] }],
      ['update_events', { events: [{ id: 'e1', session_id: 's' }] }],
      ['update_session', { session: { id: 's', end_timestamp: '2024-03-14T12:00:00Z' } }],
      ['update_session', { session_id: 's' }],
      ['create_agent', { name: 'A', session_id: 's' }],
      ['create_thread', { id: 't', session_id: 's' }],
    ];
    for (const [route, body] of calls) {
      const answer = await post(`${api.url}/v2/${route}`, body, mine);
      expect(answer, route).toMatchObject({ status: 403, body: { error: 'Forbidden', message: expect.stringMatching(/id is not the session of the token/) } });
    }
    expect((await storedEvents(api, 'mine')).map((event) => event.type)).toEqual(['ExecutionStarted']);
  });

  it('keeps organisations apart that use the same session id', async () => {
    const other = await newOrganisation(api.db);
    await startSession(api, { id: 'shared', tags: ['first'] });
    await startSession({ ...api, key: other.key }, { id: 'shared', tags: ['second'] });
    expect(await storedEvents(api, 'shared')).toMatchObject([{ payload: { tags: ['first'] } }]);
    expect(await storedEvents({ ...api, organisationId: other.organisationId }, 'shared')).toMatchObject([{ payload: { tags: ['second'] } }]);
    expect(await post(`${api.url}/v2/reauthorize_jwt`, { session_id: 's' }, withKey(other.key))).toMatchObject({ status: 404, body: { error: 'Not found' } });
  });

  it('refuses a key without a scope for it', async () => {
    const { key } = await createApiKey(api.db, { organisationId: api.organisationId, name: 'no scopes', scopes: [] });
    const answer = await post(`${api.url}/v2/create_session`, { id: 'nope' }, withKey(key));
    expect(answer).toMatchObject({ status: 403, body: { message: expect.stringContaining("'ingest'") } });
  });

  it('ends the tokens of a revoked key within two seconds', async () => {
    const { id, key } = await createApiKey(api.db, { organisationId: api.organisationId, name: 'short-lived', scopes: ['ingest'] });
    const jwt = await startSession({ ...api, key }, { id: 'revoked' });
    expect(await send(withToken(jwt))).toMatchObject({ status: 200 });
    await revokeApiKey(api.db, api.organisationId, id);
    await sleep(2100);
    expect(await send(withToken(jwt))).toMatchObject({ status: 401, body: { error: 'Token revoked', message: expect.stringContaining('reauthorize_jwt') } });
    expect(await post(`${api.url}/v2/create_session`, { id: 'again' }, withKey(key))).toMatchObject({ status: 401, body: { error: 'Invalid API key' } });
  });
});
