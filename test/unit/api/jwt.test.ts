import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { createSessionTokens } from '../../../api/jwt.ts';

const session = { sessionId: 'ünïcödé session', organisationId: 'org', apiKeyId: 'key_1' };
const NOW = Date.UTC(2026, 0, 1);

describe('session tokens', () => {
  it('are HS256, last 24 hours and speak for one session', async () => {
    const tokens = createSessionTokens('secret');
    const token = await tokens.issue(session, NOW);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(decodeJwt(token)).toEqual({ session_id: 'ünïcödé session', organisation_id: 'org', api_key_id: 'key_1', iat: NOW / 1000, exp: NOW / 1000 + 86_400 });
    expect(await tokens.read(token)).toEqual({ ...session, expiresAtMs: NOW + 86_400_000 });
    expect(await tokens.read(token)).toEqual({ ...session, expiresAtMs: NOW + 86_400_000 });
  });

  it('are worth nothing under another secret key, unless it is a previous one', async () => {
    const token = await createSessionTokens('old secret').issue(session);
    expect(await createSessionTokens('new secret').read(token)).toBeUndefined();
    expect(await createSessionTokens('new secret', ['older', 'old secret']).read(token)).toMatchObject(session);
  });

  it.each(['', 'a', 'a.b.c', '..', 'eyJhbGciOiJub25lIn0.e30.', '💥'])('are not %j', async (text) => {
    expect(await createSessionTokens('secret').read(text)).toBeUndefined();
  });
});
