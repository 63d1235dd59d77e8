import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { post, startSession, startTestApi, storedEvents, storedSession, type TestApi, withKey, withToken } from '../support/api.ts';

describe('the spellings of AgentOps clients', () => {
  let api: TestApi;
  const v2 = (path: string) => `${api.url}/v2/${path}`;

  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api.close());

  it.each(['/v2/create_session', '/create_session', '/v2/sessions', '/sessions', '//v2/create_session', '//create_session', '/v2//create_session/'])(
    'creates a session at %s, from flat and nested bodies, with id and session_id',
    async (path) => {
      const bodies = [{ id: `${path} 1` }, { session_id: `${path} 2` }, { session: { id: `${path} 3` } }, { session: { session_id: `${path} 4` } }];
      for (const [index, body] of bodies.entries()) {
        const answer = await post(api.url + path, body, withKey(api.key));
        expect(answer).toMatchObject({ status: 200, body: { status: 'success', session_id: `${path} ${index + 1}` } });
      }
    },
  );

  it('takes any text as session id, and bodies without a content type', async () => {
    for (const id of ['agent-123', 'ünïcödé 🔴', 'a/b?c#d', '<b>', '{"a":1}', 'x'.repeat(255), '__proto__', ' ']) {
      const response = await fetch(v2('create_session'), { method: 'POST', body: Buffer.from(JSON.stringify({ id })), headers: withKey(api.key) });
      expect(response.status, id).toBe(200);
      expect(await response.json()).toMatchObject({ session_id: id, session_url: `http://herald.test/sessions/${encodeURIComponent(id)}` });
      const link = await fetch(`${api.url}/sessions/${encodeURIComponent(id)}`, { redirect: 'manual' });
      const workflow = encodeURIComponent(`session/${api.organisationId}/${id}`);
      expect(link.headers.get('location')).toBe(`http://temporal.test/namespaces/default/workflows/${workflow}`);
    }
  });

  it('ignores what the SDK sends of its inner life, and keeps the rest', async () => {
    const session = {
      end_timestamp: null,
      end_state: 'Indeterminate',
      end_state_reason: null,
      session_id: 'sdk',
      init_timestamp: '2026-01-02T03:04:05.678901+00:00',
      tags: [],
      video: null,
      host_env: { OS: { OS: 'Linux' } },
      inputs: { order: 12345 },
      config: '',
      jwt: 'secret token',
      _lock: '',
      _end_session_lock: '',
      _session_url: '',
      token_cost: '',
      event_counts: { llms: 0 },
      is_running: false,
      queue: [{}],
    };
    await post(v2('create_session'), { session }, withKey(api.key));
    const stored = await storedSession(api, 'sdk');
    expect(stored.details).toEqual({ host_env: { OS: { OS: 'Linux' } }, inputs: { order: 12345 } });
    expect(stored.init_timestamp.toISOString()).toBe('2026-01-02T03:04:05.678Z');
    expect(stored.end_timestamp).toBeNull();
    expect(await storedEvents(api, 'sdk')).toMatchObject([{ id: 'sdk:started', type: 'ExecutionStarted', payload: { ...stored.details, tags: [] } }]);
  });

  it('learns metadata from tags and from metadata, which wins', async () => {
    await startSession(api, { id: 'meta', tags: ['environment:staging', 'team=payments', 'plain'], metadata: { environment: 'production', attempt: 3 } });
    expect((await storedSession(api, 'meta')).metadata).toEqual({ environment: 'production', team: 'payments', attempt: '3' });
  });

  it('takes one tag as a text, as the SDK lets people write it', async () => {
    await startSession(api, { id: 'one-tag', tags: 'environment:production' });
    expect(await storedSession(api, 'one-tag')).toMatchObject({ tags: ['environment:production'], metadata: { environment: 'production' } });
  });

  it('creates one session and one ExecutionStarted however often create_session comes, at once too', async () => {
    const session = { id: 'once', tags: ['a'], inputs: { n: 1 } };
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(v2('create_session'), { session }, withKey(api.key))));
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(200));
    await post(v2('create_session'), { session: { id: 'once', tags: ['b'], inputs: { n: 2 }, host_env: { OS: 'x' } } }, withKey(api.key));
    expect(await storedEvents(api, 'once')).toHaveLength(1);
    expect(await storedSession(api, 'once')).toMatchObject({ tags: ['a'], details: { inputs: { n: 1 }, host_env: { OS: 'x' } } });
  });

  it('reads events under either name of each field', async () => {
    const jwt = await startSession(api, { id: 'events' });
    const events = [
      { id: 'a', event_type: 'llms', session_id: 'events', model: 'gpt-4', prompt_tokens: 1000, completion_tokens: 1000 },
      { event_id: 'b', type: 'tool', name: 'search', input: 'q', output: 'r' },
      { id: 'c', type: 'actions', params: { x: 1 }, returns: null, agent_id: 'agent-7' },
      { id: 'd', type: 'errors', error_type: 'ValueError', details: 'boom' },
      { id: 'e', type: 'EXECUTION_PAUSED', reason: 'waiting', question: 'why?' },
      { id: 'f', type: 'order.shipped', parcels: 2 },
      { id: 'g', type: 'no type at all!' },
      { id: 'h' },
    ];
    expect(await post(v2('create_events'), { events }, withToken(jwt))).toMatchObject({ status: 200, body: 'Success' });
    const stored = (await storedEvents(api, 'events')).slice(1);
    expect(stored.map(({ id, type }) => [id, type])).toEqual([
      ['a', 'ExecutionStepStarted'],
      ['b', 'ExecutionActionStarted'],
      ['c', 'ExecutionActionStarted'],
      ['d', 'ExecutionActionFailed'],
      ['e', 'ExecutionPaused'],
      ['f', 'order.shipped'],
      ['g', 'unknown'],
      ['h', 'unknown'],
    ]);
    expect(stored[1]?.payload).toEqual({ type: 'tool', name: 'search', input: 'q', output: 'r' });
    expect(stored[2]).toMatchObject({ agentRef: 'agent-7', payload: { params: { x: 1 } } });
    expect(stored[3]?.payload).toMatchObject({ message: 'boom', error_type: 'ValueError' });
    expect(stored[4]?.payload).toEqual({ reason: 'waiting', question: 'why?' });
    expect(stored[6]?.payload).toEqual({ type: 'no type at all!' });
    expect(await post(v2('update_session'), {}, withToken(jwt))).toMatchObject({ body: { token_cost: '0.09' } });
  });

  it('takes a bare list of events, and a single event', async () => {
    const token = withToken(await startSession(api, { id: 'shapes' }));
    await post(`${api.url}/create_events`, [{ id: 'a', type: 'llm' }], token);
    await post(v2('create_events'), { id: 'b', type: 'llm' }, token);
    await post(v2('create_events'), { events: [] }, token);
    expect((await storedEvents(api, 'shapes')).map((event) => event.id)).toEqual(['shapes:started', 'a', 'b']);
  });

  it('stores an event once, however often it comes', async () => {
    const token = withToken(await startSession(api, { id: 'again' }));
    const dated = { type: 'errors', timestamp: '2026-01-01T00:00:00', details: 'boom' };
    const events = [{ id: 'a', type: 'llm' }, dated, dated];
    await Promise.all([1, 2, 3].map(() => post(v2('create_events'), { events }, token)));
    expect(await storedEvents(api, 'again')).toHaveLength(4);
    await post(v2('create_events'), { events: [{ type: 'llm' }, { type: 'llm' }] }, token);
    await post(v2('create_events'), { events: [{ type: 'llm' }] }, token);
    expect(await storedEvents(api, 'again')).toHaveLength(7);
  });

  it('keeps in payloads what JSON can say and Postgres text cannot', async () => {
    const token = withToken(await startSession(api, { id: 'odd', inputs: { nul: 'a\u0000b' } }));
    const body =
      '{"events":[{"id":"a","type":"tool","nul":"a\\u0000b","half":"\\ud800","__proto__":{"polluted":true},"constructor":1,"returns":NaN,"big":1e400,"quoted":"NaN"}]}';
    expect(await post(v2('create_events'), body, token)).toMatchObject({ status: 200 });
    const [, event] = await storedEvents(api, 'odd');
    expect(JSON.stringify(event?.payload)).toBe(
      '{"type":"tool","nul":"a\\u0000b","half":"\\ud800","__proto__":{"polluted":true},"constructor":1,"returns":null,"big":"1e400","quoted":"NaN"}',
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('derives the failure of an action that carries an error', async () => {
    const token = withToken(await startSession(api, { id: 'failing' }));
    const failing = { id: 'a', type: 'tool', name: 'charge', error: 'card declined', end_timestamp: '2026-01-01T00:00:02Z', agent_id: 'x' };
    await post(v2('create_events'), { events: [failing, { id: 'b', type: 'action', error: null, exception: '' }] }, token);
    const stored = (await storedEvents(api, 'failing')).slice(1);
    expect(stored.map((event) => event.id)).toEqual(['a', 'a:failed', 'b']);
    expect(stored[1]).toMatchObject({
      type: 'ExecutionActionFailed',
      payload: { message: 'card declined', actionName: 'charge', actionId: 'a' },
      agentRef: 'x',
      occurredAt: new Date('2026-01-01T00:00:02Z'),
    });
  });

  it('merges updates of events, recomputes the cost, and reports a first error once', async () => {
    const token = withToken(await startSession(api, { id: 'updated' }));
    await post(v2('create_events'), { events: [{ id: 'a', type: 'llm', model: 'gpt-4', prompt_tokens: 100, completion: 'x' }] }, token);
    expect(await post(v2('update_events'), { events: [{ event_id: 'a', completion: 'y', completion_tokens: 100 }] }, token)).toMatchObject({ status: 200, body: 'Success' });
    expect(await post(v2('update_session'), {}, token)).toMatchObject({ body: { token_cost: '0.009' } });
    await post(v2('update_events'), { events: [{ id: 'a', error: 'late' }, { id: 'a', model: 'gpt-4o' }] }, token);
    await post(v2('update_events'), { events: [{ id: 'a', error: 'later' }] }, token);
    expect(await post(v2('update_session'), {}, token)).toMatchObject({ body: { token_cost: '0.00125' } });
    const stored = await storedEvents(api, 'updated');
    expect(stored.slice(1)).toMatchObject([
      { id: 'a', payload: { completion: 'x' }, patch: { completion: 'y', completion_tokens: 100, error: 'later', model: 'gpt-4o' } },
      { id: 'a:failed', type: 'ExecutionActionFailed', payload: { message: 'late', actionId: 'a' } },
    ]);
  });

  it('stores and updates events whose ids look like those of commands and time-outs, under ids that do not', async () => {
    const token = withToken(await startSession(api, { id: 'own ids' }));
    const events = [{ id: 'command:a', type: 'tool', name: 'search' }, { id: 'timer:idle:1', type: 'llm' }];
    for (let copy = 0; copy < 2; copy += 1) expect((await post(v2('create_events'), { events }, token)).status).toBe(200);
    expect((await post(v2('update_events'), { events: [{ id: 'command:a', returns: 'found' }] }, token)).status).toBe(200);
    expect((await storedEvents(api, 'own ids')).slice(1)).toMatchObject([
      { id: 'reported:command:a', patch: { returns: 'found' } },
      { id: 'reported:timer:idle:1', patch: null },
    ]);
  });

  it('knows agents by name, and their outside ids as aliases of one session', async () => {
    const first = withToken(await startSession(api, { id: 'agents-1' }));
    const second = withToken(await startSession(api, { id: 'agents-2' }));
    const bodies = [{ id: 'run-1', name: 'Researcher' }, { agent_id: 'run-1b', agent_name: 'Writer' }, { agent: { id: 'nameless' } }, { name: 'Editor' }];
    for (const body of bodies) expect(await post(v2('create_agent'), body, first)).toMatchObject({ status: 200, body: 'Success' });
    await post(v2('create_agent'), { id: 'run-2', name: 'Researcher' }, second);
    const agents = await api.db.selectFrom('agents').select(['id', 'name']).where('organisation_id', '=', api.organisationId).execute();
    expect(agents.map((agent) => agent.name).toSorted()).toEqual(['Editor', 'Researcher', 'Writer', 'nameless']);
    const named = (await storedEvents(api, 'agents-2'))[1];
    const id = agents.find((agent) => agent.name === 'Researcher')?.id;
    expect(named).toMatchObject({ id: 'agents-2:agent:run-2', type: 'AgentRegistered', silent: true, payload: { agent_id: id, alias: 'run-2' } });
  });

  it('gives a session the agent it names', async () => {
    await startSession(api, { id: 'with-agent', agent_id: 'out-1', agent_name: 'Planner' });
    const { agents } = await storedSession(api, 'with-agent');
    expect(agents).toEqual([{ id: expect.stringMatching(/^agt_/), name: 'Planner', aliases: ['out-1'] }]);
    await startSession(api, { id: 'by-id', agent_id: agents[0]!.id });
    expect((await storedSession(api, 'by-id')).agents).toMatchObject([{ id: agents[0]!.id, name: 'Planner' }]);
  });

  it('accepts threads and errors of the SDK itself, and logs the latter without secrets', async () => {
    const token = withToken(await startSession(api, { id: 'rest' }));
    expect(await post(v2('create_thread'), { id: 't', session_id: 'rest' }, token)).toMatchObject({ status: 200, body: 'Success' });
    const error = { sdk_version: '0.3.26', error_message: 'division by zero', function_args: ['my password'], api_key: api.key };
    expect(await post(v2('developer_errors'), error, withKey(api.key))).toMatchObject({ status: 200, body: { status: 'success' } });
    const line = api.logged.find((logged) => logged.includes('division by zero'));
    expect(line).toContain('0.3.26');
    expect(line).not.toContain('my password');
    expect(line).not.toContain(api.key);
  });
});
