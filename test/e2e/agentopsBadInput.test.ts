import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newOrganisation, post, startSession, startTestApi, storedEvents, storedSession, type TestApi, withKey, withToken } from '../support/api.ts';

const NUL = 'a\u0000b';
const LONG = 'x'.repeat(256);
const HALF_A_PAIR = 'a\ud800';

describe('bad input', () => {
  let api: TestApi;
  let token: Record<string, string>;

  beforeAll(async () => {
    api = await startTestApi({ limits: { requestBytes: 20_000, eventBytes: 5000, eventsPerRequest: 10 } });
    token = withToken(await startSession(api, { id: 's', tags: ['kept'] }));
    await post(`${api.url}/v2/create_events`, { events: [{ id: 'known', type: 'llm' }] }, token);
  });
  afterAll(() => api.close());

  it.each<[string, unknown, string]>([
    ['no body', '', 'The body is empty'],
    ['bad JSON', '{"session":', 'The body is not JSON'],
    ['a list', [], 'The body must be a JSON object'],
    ['a text', '"s"', 'The body must be a JSON object'],
    ['null', 'null', 'The body must be a JSON object'],
    ['a session that is no object', { session: 'new' }, 'session must be a JSON object'],
    ['no session id', { session: {} }, 'session.id is required'],
    ['no id in a flat body', {}, 'id is required'],
    ['an empty id', { session: { id: '' } }, 'session.id: must not be empty'],
    ['a number as id', { session: { id: 7 } }, 'session.id: Invalid input: expected string, received number'],
    ['an id too long', { session: { id: LONG } }, 'session.id: must be at most 255 characters'],
    ['NUL in the id', { session: { id: NUL } }, 'session.id: must not contain NUL'],
    ['half a surrogate pair in the id', { session: { id: HALF_A_PAIR } }, 'session.id: must not contain NUL characters or unpaired'],
    ['tags that are an object', { session: { id: 'new', tags: { a: 1 } } }, 'session.tags: Invalid input: expected array'],
    ['a tag that is an object', { id: 'new', tags: ['a', {}] }, 'tags[1]: must be text'],
    ['NUL in a tag', { session: { id: 'new', tags: [NUL] } }, 'session.tags[0]: must not contain NUL'],
    ['metadata that is a list', { session: { id: 'new', metadata: ['a'] } }, 'session.metadata: '],
    ['NUL in metadata', { session: { id: 'new', metadata: { a: NUL } } }, 'session.metadata: keys and values must not contain NUL'],
    ['NUL in a key of metadata', { session: { id: 'new', metadata: { [NUL]: 1 } } }, 'session.metadata: keys and values must not contain NUL'],
    ['NUL in the name of the agent', { session: { id: 'new', agent_name: NUL } }, 'session.agent_name: must not contain NUL'],
    ['JSON too deep', `{"id":"new","inputs":${'['.repeat(5000)}${']'.repeat(5000)}}`, 'nested more than 100 levels deep'],
  ])('create_session answers 400 to %s', async (_what, body, message) => {
    const answer = await post(`${api.url}/v2/create_session`, body, withKey(api.key));
    expect(answer).toMatchObject({ status: 400, body: { error: 'Invalid request', message: expect.stringContaining(message) } });
    const sessions = await api.db.selectFrom('sessions').select('id').where('organisation_id', '=', api.organisationId).execute();
    expect(sessions).toEqual([{ id: 's' }]);
  });

  it.each<[string, unknown, number, string]>([
    ['bad JSON', '{"events":[}', 400, 'The body is not JSON'],
    ['no events', {}, 400, 'events is required'],
    ['events that are an object', { events: {} }, 400, 'events must be a list'],
    ['an event that is a number', { events: [{ id: 'x', type: 'llm' }, 7] }, 400, 'events[1]: Invalid input: expected object, received number'],
    ['an event that is null', { events: [null] }, 400, 'events[0]: '],
    ['an id that is a number', { events: [{ id: 7, type: 'llm' }] }, 400, 'events[0].id: Invalid input: expected string'],
    ['an empty id', { events: [{ event_id: '', type: 'llm' }] }, 400, 'events[0].event_id: must not be empty'],
    ['an id too long', { events: [{ id: LONG, type: 'llm' }] }, 400, 'events[0].id: must be at most 255 characters'],
    ['NUL in an id', { events: [{ id: 'x', type: 'llm' }, { id: NUL, type: 'llm' }] }, 400, 'events[1].id: must not contain NUL'],
    ['NUL in the id of the agent', { events: [{ id: 'x', type: 'llm', agent_id: NUL }] }, 400, 'events[0].agent_id: must not contain NUL'],
    ['a type that is an object', { events: [{ id: 'x', type: {} }] }, 400, 'events[0].type: Invalid input: expected string'],
    ['JSON too deep', `{"events":[{"id":"x","type":"llm","input":${'{"a":'.repeat(101)}1${'}'.repeat(101)}}]}`, 400, 'nested more than 100 levels deep'],
    ['more events than allowed', { events: Array.from({ length: 11 }, (_, n) => ({ id: `x${n}`, type: 'llm' })) }, 413, 'Send 10 at most'],
    ['an event too large', { events: [{ id: 'x', type: 'llm' }, { id: 'y', type: 'llm', prompt: 'ä'.repeat(3000) }] }, 413, 'events[1] is larger than 5000 bytes'],
    ['a body too large', { events: [{ id: 'x', type: 'llm', prompt: 'a'.repeat(20_000) }] }, 413, 'larger than 20000 bytes'],
  ])('create_events answers an error to %s, and stores nothing of the request', async (_what, body, status, message) => {
    const answer = await post(`${api.url}/v2/create_events`, body, token);
    expect(answer).toMatchObject({ status, body: { error: status === 400 ? 'Invalid request' : 'Too large', message: expect.stringContaining(message) } });
    expect((await storedEvents(api, 's')).map((event) => event.id)).toEqual(['s:started', 'known']);
  });

  it.each<[string, string, unknown, number, string]>([
    ['update_events', 'no id', { events: [{ completion: 'x' }] }, 400, 'events[0].event_id is required'],
    ['update_events', 'unknown ids, listing them', { events: [{ id: 'known', a: 1 }, { id: 'u1' }, { event_id: 'u2' }] }, 404, 'u1, u2'],
    ['update_session', 'bad tags', { session: { tags: 7 } }, 400, 'session.tags: '],
    ['update_session', 'NUL in a tag, beside an end', { session: { end_timestamp: 'x', tags: [NUL] } }, 400, 'session.tags[0]: must not contain NUL'],
    ['create_agent', 'neither name nor id', {}, 400, 'name is required'],
    ['create_agent', 'NUL in the name', { id: 'a', name: NUL }, 400, 'name: must not contain NUL'],
    ['create_agent', 'a name too long', { id: 'a', name: LONG }, 400, 'name: must be at most 255 characters'],
    ['create_agent', 'a number as name', { id: 'a', name: 1 }, 400, 'name: Invalid input: expected string'],
    ['create_thread', 'a list', [], 400, 'The body must be a JSON object'],
  ])('%s answers an error to %s, and changes nothing', async (route, _what, body, status, message) => {
    const answer = await post(`${api.url}/v2/${route}`, body, token);
    expect(answer).toMatchObject({ status, body: { message: expect.stringContaining(message) } });
    expect(await storedEvents(api, 's')).toMatchObject([{ id: 's:started' }, { id: 'known', patch: null }]);
    expect(await storedSession(api, 's')).toMatchObject({ tags: ['kept'], end_timestamp: null });
    expect(await api.db.selectFrom('agents').selectAll().execute()).toEqual([]);
  });

  it.each<[string, unknown, number, string]>([
    ['no session', {}, 400, 'session_id is required'],
    ['a number', { session_id: 5 }, 400, 'session_id: Invalid input: expected string'],
    ['an unknown session', { session_id: 'unknown' }, 404, "session 'unknown'"],
    ['NUL in the id', { session_id: NUL }, 400, 'session_id: must not contain NUL'],
  ])('reauthorize_jwt answers an error to %s', async (_what, body, status, message) => {
    const answer = await post(`${api.url}/v2/reauthorize_jwt`, body, withKey(api.key));
    expect(answer).toMatchObject({ status, body: { message: expect.stringContaining(message) } });
  });

  it('answers 404 in the same shape for routes that do not exist', async () => {
    const answer = await post(`${api.url}/v2/create_nothing`, {}, withKey(api.key));
    expect(answer).toMatchObject({ status: 404, body: { error: 'Not found', message: 'There is no POST /v2/create_nothing. The routes are listed at /docs.' } });
  });

  it('answers 404 for a token whose session is gone', async () => {
    const other = await newOrganisation(api.db);
    const gone = withToken(await startSession({ ...api, key: other.key }, { id: 'gone' }));
    await api.db.deleteFrom('events').where('event_id', '=', 'gone:started').execute();
    await api.db.deleteFrom('session_progress').where('last_seq', '=', 1).execute();
    await api.db.deleteFrom('sessions').where('id', '=', 'gone').execute();
    for (const [route, body] of [['create_events', { events: [{ type: 'llm' }] }], ['update_session', {}], ['create_agent', { name: 'A' }]] as const) {
      expect(await post(`${api.url}/v2/${route}`, body, gone)).toMatchObject({ status: 404, body: { message: expect.stringContaining("session 'gone'") } });
    }
  });

  it('says that compressed bodies are not understood', async () => {
    const answer = await post(`${api.url}/v2/create_events`, 'x', { ...token, 'Content-Encoding': 'gzip' });
    expect(answer).toMatchObject({ status: 415, body: { message: expect.stringContaining('gzip') } });
  });

  it('answers a bad address with JSON too', async () => {
    const response = await fetch(`${api.url}/v2/create_session`, { method: 'POST', body: '%', headers: withKey(api.key) });
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('application/json');
  });
});
