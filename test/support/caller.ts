import type { ApiKeyScope } from '../../store/apiKeys.ts';
import { createApiKey } from '../../store/apiKeys.ts';
import { newOrganisation, type TestApi } from './api.ts';

export interface JsonAnswer {
  status: number;
  headers: Headers;
  body: AnswerBody;
}

/** The fields that tests go on with; the rest they compare. */
export interface AnswerBody {
  [field: string]: unknown;
  id: string;
  /** Of a list. */
  data: AnswerBody[];
  next_cursor: string | null;
}

/** Calls the API over HTTP with one API key. */
export interface Caller {
  organisationId: string;
  key: string;
  get(path: string): Promise<JsonAnswer>;
  /** Sends JSON, or a text as it is. */
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<JsonAnswer>;
  patch(path: string, body: unknown): Promise<JsonAnswer>;
  delete(path: string): Promise<JsonAnswer>;
}

/** The first organisation of a test's API. */
export function firstCaller(api: TestApi): Caller {
  return callerOf(api.url, api.organisationId, api.key);
}

/** A new organisation, through its first key. */
export async function newCaller(api: TestApi): Promise<Caller> {
  const { organisationId, key } = await newOrganisation(api.db);
  return callerOf(api.url, organisationId, key);
}

/** Another key of the same organisation. */
export async function withScopes(api: TestApi, caller: Caller, scopes: ApiKeyScope[]): Promise<Caller> {
  const { key } = await createApiKey(api.db, { organisationId: caller.organisationId, name: scopes.join(), scopes });
  return callerOf(api.url, caller.organisationId, key);
}

export function callerOf(url: string, organisationId: string, key: string): Caller {
  async function call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<JsonAnswer> {
    const response = await fetch(url + path, {
      method,
      headers: { Authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
  }
  return {
    organisationId,
    key,
    get: (path) => call('GET', path),
    post: (path, body, headers) => call('POST', path, body, headers),
    patch: (path, body) => call('PATCH', path, body),
    delete: (path) => call('DELETE', path),
  };
}

/** What most tests need: an agent, a webhook, and the agent's notification of everything. */
export async function boundWebhook(caller: Caller, name = 'order-processing', url = 'https://hooks.example.com/x') {
  const agent = await caller.post('/v1/agents', { name });
  const integration = await caller.post('/v1/integrations', { name: 'alerts', type: 'webhook', config: { url } });
  const binding = { integration_id: integration.body.id, subscription: { mode: 'all' } };
  const notification = await caller.post(`/v1/agents/${agent.body.id}/notifications`, binding);
  return { agentId: agent.body.id, integrationId: integration.body.id, notificationId: notification.body.id };
}
