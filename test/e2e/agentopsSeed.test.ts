import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { post, storedEvents, storedSession, startTestApi, type TestApi, withKey, withToken } from '../support/api.ts';

/** The requests of seeds/agentops-rest-api.txt, in the order of the page. */
describe('the examples of the AgentOps REST page', () => {
  const id = '550e8400-e29b-41d4-a716-446655440000';
  let api: TestApi;
  let jwt: string;
  const v2 = (path: string) => `${api.url}/v2/${path}`;

  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api.close());

  it('creates a session from a flat body without prefix', async () => {
    const { status, body } = await post(`${api.url}/create_session`, { id, init_timestamp: '2024-03-14T12:00:00Z' }, withKey(api.key));
    expect(status).toBe(200);
    expect(body).toEqual({ status: 'success', jwt: expect.stringMatching(/^eyJ/), session_id: id, session_url: `http://herald.test/sessions/${id}` });
    jwt = (body as { jwt: string }).jwt;
  });

  it('refuses an unknown API key with AgentOps\' words', async () => {
    const { status, body } = await post(`${api.url}/create_session`, { id, init_timestamp: '2024-03-14T12:00:00Z' }, withKey('your_api_key'));
    expect(status).toBe(401);
    expect(body).toEqual({ error: 'Invalid API key', message: 'Please check your API key and try again' });
  });

  it('takes events with the token', async () => {
    const events = [{ type: 'llm', init_timestamp: '2024-03-14T12:01:00Z' }];
    expect(await post(`${api.url}/create_events`, { events }, withToken(jwt))).toMatchObject({ status: 200, body: 'Success' });
  });

  it('refuses events without a good token', async () => {
    const { status, body } = await post(`${api.url}/create_events`, { events: [] }, withToken('eyJhbGciOiJIUzI1NiIs...'));
    expect(status).toBe(401);
    expect(body).toEqual({ error: 'Invalid token', message: expect.stringContaining('reauthorize_jwt') });
  });

  it('answers a fresh token for the key', async () => {
    const { status, body } = await post(v2('reauthorize_jwt'), { session_id: id }, withKey(api.key));
    expect(status).toBe(200);
    expect(body).toEqual({ status: 'success', jwt: expect.stringMatching(/^eyJ/) });
    jwt = (body as { jwt: string }).jwt;
  });

  it('fills what the session lacked when it is created again in the published form', async () => {
    const host_env = {
      OS: { OS: 'Windows', 'OS Release': '11', 'OS Version': '10.0.22631' },
      CPU: { 'CPU Usage': '5.9%', 'Total cores': 12 },
      RAM: { Used: '14.49 GB', Total: '31.75 GB' },
      SDK: { 'Python Version': '3.12.0', 'System Packages': { agentops: '0.3.17', openai: '1.2.3' } },
    };
    const session = { id, init_timestamp: '2024-03-14T12:00:00Z', tags: ['production', 'customer-service'], host_env };
    expect(await post(v2('create_session'), { session }, withKey(api.key))).toMatchObject({ status: 200, body: { status: 'success' } });
    expect(await storedSession(api, id)).toMatchObject({ tags: ['production', 'customer-service'], details: { host_env } });
  });

  it('ends the session', async () => {
    const session = {
      id,
      end_timestamp: '2024-03-14T12:05:00Z',
      end_state: 'Success',
      end_state_reason: 'Task successfully completed',
      tags: ['production', 'updated-tag'],
    };
    const { status, body } = await post(v2('update_session'), { session }, withToken(jwt));
    expect(status).toBe(200);
    expect(body).toEqual({ status: 'success', token_cost: '0.00', session_url: `http://herald.test/sessions/${id}` });
  });

  it('takes events after the end', async () => {
    const events = [
      {
        type: 'llm',
        init_timestamp: '2024-03-14T12:01:00Z',
        end_timestamp: '2024-03-14T12:01:02Z',
        model: 'gpt-4',
        prompt: [
          { role: 'system', content: 'You are a helpful assistant' },
          { role: 'user', content: 'Analyze this data...' },
        ],
        completion: { role: 'assistant', content: 'Based on the data...' },
        prompt_tokens: 150,
        completion_tokens: 80,
      },
      {
        type: 'tool',
        name: 'database_query',
        init_timestamp: '2024-03-14T12:01:03Z',
        end_timestamp: '2024-03-14T12:01:04Z',
        input: 'SELECT * FROM users',
        output: 'Retrieved 5 users',
      },
    ];
    expect(await post(v2('create_events'), { events }, withToken(jwt))).toMatchObject({ status: 200, body: 'Success' });
    expect(await post(v2('create_events'), { events }, withToken(jwt))).toMatchObject({ status: 200, body: 'Success' });
  });

  it('does not know the event of the update example', async () => {
    const events = [{ event_id: 'event-id-123', end_timestamp: '2024-03-14T12:01:02Z', completion: 'Updated completion text', completion_tokens: 100 }];
    const { status, body } = await post(v2('update_events'), { events }, withToken(jwt));
    expect(status).toBe(404);
    expect(body).toEqual({ error: 'Not found', message: expect.stringContaining('event-id-123') });
  });

  it('names an agent', async () => {
    const answer = await post(v2('create_agent'), { id: 'agent-123', name: 'Research Assistant' }, withToken(jwt));
    expect(answer).toMatchObject({ status: 200, body: 'Success' });
    const agents = await api.db.selectFrom('agents').select('name').where('organisation_id', '=', api.organisationId).execute();
    expect(agents).toEqual([{ name: 'Research Assistant' }]);
  });

  it('has stored each thing once, with the cost of the tokens', async () => {
    const events = await storedEvents(api, id);
    expect(events.filter((event) => !event.silent).map((event) => event.type)).toEqual([
      'ExecutionStarted',
      'ExecutionStepStarted',
      'ExecutionCompleted',
      'ExecutionStepStarted',
      'ExecutionActionStarted',
    ]);
    expect(events.find((event) => event.type === 'ExecutionCompleted')?.payload).toEqual({
      outcome: 'success',
      reason: 'Task successfully completed',
      end_state: 'Success',
      end_state_reason: 'Task successfully completed',
    });
    const { body } = await post(v2('update_session'), { session: { id } }, withToken(jwt));
    expect(body).toMatchObject({ token_cost: '0.0093' });
    expect(await storedSession(api, id)).toMatchObject({ tags: ['production', 'updated-tag'], end_state: 'Success' });
  });
});
