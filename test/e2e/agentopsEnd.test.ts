import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { post, startSession, startTestApi, storedEvents, storedSession, type TestApi, withToken } from '../support/api.ts';

describe('update_session', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api.close());

  const update = (token: Record<string, string>, session: Record<string, unknown>) => post(`${api.url}/v2/update_session`, { session }, token);
  const typesOf = async (id: string) => (await storedEvents(api, id)).map((event) => event.type);

  it.each<[unknown, string, string]>([
    ['Success', 'ExecutionCompleted', 'success'],
    ['Fail', 'ExecutionFailed', 'failure'],
    ['Indeterminate', 'ExecutionCompleted', 'indeterminate'],
    ['cancelled', 'ExecutionCancelled', 'cancelled'],
    ['something else', 'ExecutionCompleted', 'indeterminate'],
    [undefined, 'ExecutionCompleted', 'indeterminate'],
  ])('ends a session with end_state %s as %s', async (end_state, type, outcome) => {
    const id = `end ${String(end_state)}`;
    const token = withToken(await startSession(api, { id }));
    expect(await update(token, { id, end_timestamp: '2026-01-01T10:00:00+02:00', end_state })).toMatchObject({ status: 200 });
    const [, end] = await storedEvents(api, id);
    expect(end).toMatchObject({ id: `${id}:end`, type, payload: { outcome }, occurredAt: new Date('2026-01-01T08:00:00Z') });
    expect(end?.payload.end_state).toBe(end_state);
    expect(await storedSession(api, id)).toMatchObject({ end_state: end_state ?? null, end_timestamp: new Date('2026-01-01T08:00:00Z') });
  });

  it('carries what the agent says about its result', async () => {
    const token = withToken(await startSession(api, { id: 'result' }));
    const session = { end_timestamp: '2026-01-01T10:00:00Z', end_state: 'Success', result: { order: 12345, outcome: 'payment_declined' }, reasoning: 'card expired', host_env: { OS: 'x' } };
    await update(token, session);
    expect((await storedEvents(api, 'result'))[1]?.payload).toEqual({
      end_state: 'Success',
      outcome: 'payment_declined',
      result: { order: 12345, outcome: 'payment_declined' },
      reasoning: 'card expired',
    });
  });

  it('does not end a session without an end timestamp, as the SDK adds tags', async () => {
    const token = withToken(await startSession(api, { id: 'tags', tags: ['a', 'environment:staging'] }));
    const sdk = { end_timestamp: null, end_state: 'Indeterminate' };
    await update(token, { ...sdk, tags: ['a', 'environment:staging', 'team:payments'] });
    await update(token, { ...sdk, tags: ['a', 'environment:staging', 'team:payments'] });
    await update(token, { ...sdk, tags: ['team:payments', 'a', 'environment:staging'] });
    await update(token, sdk);
    const events = (await storedEvents(api, 'tags')).slice(1);
    expect(events).toMatchObject([{ type: 'ExecutionWorkflowUpdated', payload: { tags: ['a', 'environment:staging', 'team:payments'], metadata: { team: 'payments' } } }]);
    expect(await storedSession(api, 'tags')).toMatchObject({ end_timestamp: null, metadata: { environment: 'staging', team: 'payments' } });
  });

  it('keeps metadata that was learned, and lets only new tags change it', async () => {
    const token = withToken(await startSession(api, { id: 'learned', tags: ['environment:staging'], metadata: { environment: 'production' } }));
    await update(token, { tags: ['environment:staging'] });
    expect((await storedSession(api, 'learned')).metadata).toEqual({ environment: 'production' });
    await update(token, { tags: [] });
    expect(await storedSession(api, 'learned')).toMatchObject({ tags: [], metadata: { environment: 'production' } });
    await update(token, { metadata: { region: 'us-east' } });
    await update(token, { tags: ['environment:test'] });
    expect((await storedSession(api, 'learned')).metadata).toEqual({ environment: 'test', region: 'us-east' });
  });

  it('ends a session once: the same end again is nothing, another one is kept and changes nothing', async () => {
    const token = withToken(await startSession(api, { id: 'twice', tags: ['a'] }));
    const end = { end_timestamp: '2026-01-01T10:00:00Z', end_state: 'Success' };
    await Promise.all([update(token, end), update(token, end), update(token, end)]);
    await update(token, { end_timestamp: '2026-01-01T11:00:00Z', end_state: 'Fail', tags: ['b'] });
    await update(token, { end_timestamp: '2026-01-01T11:00:00Z', end_state: 'Fail', tags: ['b'] });
    expect(await typesOf('twice')).toEqual(['ExecutionStarted', 'ExecutionCompleted', 'ExecutionFailed']);
    expect(await storedSession(api, 'twice')).toMatchObject({ end_state: 'Success', tags: ['a'], end_timestamp: new Date('2026-01-01T10:00:00Z') });
  });

  it('ends a session at an unreadable time now', async () => {
    const token = withToken(await startSession(api, { id: 'unreadable' }));
    const before = Date.now() - 1000;
    await update(token, { end_timestamp: 'yesterday', end_state: 'Fail', end_state_reason: 'NUL \u0000 in a reason' });
    const { end_timestamp, end_state_reason } = await storedSession(api, 'unreadable');
    expect(end_timestamp!.getTime()).toBeGreaterThan(before);
    expect(end_state_reason).toBe('NUL \uFFFD in a reason');
    expect((await storedEvents(api, 'unreadable'))[1]?.payload.reason).toBe('NUL \u0000 in a reason');
  });

  it('finds the session by its token alone, and in a flat body', async () => {
    const token = withToken(await startSession(api, { id: 'flat' }));
    expect(await post(`${api.url}/update_session`, { session_id: 'flat', end_timestamp: '2026-01-01', end_state: 'Success' }, token)).toMatchObject({ status: 200 });
    expect(await typesOf('flat')).toEqual(['ExecutionStarted', 'ExecutionCompleted']);
  });
});
