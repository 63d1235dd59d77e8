import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonObject } from '../../model/types.ts';
import { readBody, startLoopbackServer } from './loopbackServer.ts';
import { type SlackApp, SlackOauth } from './slackOauth.ts';
import { callMethod, createWorkspace, postToWebhook, type SlackChannel, type SlackMessage } from './slackWorkspace.ts';

export type { SlackChannel, SlackMessage } from './slackWorkspace.ts';

/** An answer that Slack gives instead of accepting: an error code, 429 with Retry-After, or a bare status. */
export type SlackRefusal = { error: string; status?: number } | { retryAfterSeconds: number } | { status: number };

export interface SlackStandInOptions {
  /** Default: `operations-alerts` and `general`, with the app in both. */
  channels?: SlackChannel[];
  /** Tokens that are known. Default: every one that begins with `xoxb-`. */
  tokens?: string[];
  /** Asked for each message by its number (0, 1, 2 …); a refusal is answered instead of looking at it. */
  refuse?: (index: number) => SlackRefusal | undefined;
  /** Scopes that the app was not given, such as `channels:join`. */
  missingScopes?: string[];
  /** The app that can be installed with a click. */
  app?: SlackApp;
  port?: number;
}

export interface SlackStandIn {
  /** For the setting HERALD_SLACK_URL. */
  url: string;
  /** For a Slack integration's `webhook_url`. */
  webhookUrl: string;
  /** For a Slack integration's `api_url`. */
  apiUrl: string;
  port: number;
  /** Accepted messages, in the order of arrival. */
  messages: SlackMessage[];
  /** How many messages arrived, refused ones included. */
  arrived: () => number;
  refuse: (refuse: SlackStandInOptions['refuse']) => void;
  /** Asked for each call of the Web API that posts or changes no message, by the name of its method. */
  refuseCalls: (refuse: ((method: string) => SlackRefusal | undefined) | undefined) => void;
  /** The methods of the Web API that were called, in order. */
  calls: string[];
  oauth: SlackOauth;
  /** Asked for each change of a message, by its number. */
  refuseUpdates: (refuse: SlackStandInOptions['refuse']) => void;
  /**
   * Waits for that many accepted messages, or until the predicate holds.
   * @throws Error that tells what did arrive, after `timeoutMs` (default 10 s)
   */
  waitFor: (enough: number | ((messages: SlackMessage[]) => boolean), timeoutMs?: number) => Promise<SlackMessage[]>;
  close: () => Promise<void>;
}

const webhookPath = '/services/T0000000001/B0000000001/standInStandInStandInSta';

/** Stands for Slack: incoming webhooks and the Web API, answering as Slack documents them. */
export async function startSlackStandIn(options: SlackStandInOptions = {}): Promise<SlackStandIn> {
  const workspace = createWorkspace(options.channels ?? [{ name: 'operations-alerts' }, { name: 'general' }]);
  const accepted = new EventTarget();
  for (const scope of options.missingScopes ?? []) workspace.missingScopes.add(scope);
  const oauth = new SlackOauth(options.app ?? { clientId: '1.1', clientSecret: 'client secret' });
  const calls: string[] = [];
  let refuse = options.refuse;
  let refuseCalls: ((method: string) => SlackRefusal | undefined) | undefined;
  let refuseUpdate: SlackStandInOptions['refuse'];
  let arrived = 0;
  let updates = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const path = new URL(request.url ?? '/', 'http://slack.test');
    const isWebhook = path.pathname.startsWith('/services/');
    const method = path.pathname.replace(/^\/api\//, '');
    if (!isWebhook) calls.push(method);
    const isMessage = isWebhook || path.pathname === '/api/chat.postMessage';
    const isUpdate = path.pathname === '/api/chat.update';
    const refusal = isMessage ? refuse?.(arrived++) : isUpdate ? refuseUpdate?.(updates++) : refuseCalls?.(method);
    if (refusal) return answerRefusal(response, refusal, isWebhook);
    if (isWebhook) answerWebhook(response, path.pathname, body);
    else answerApi(response, request, path, body);
    if (isMessage) accepted.dispatchEvent(new Event('message'));
  }

  function answerWebhook(response: ServerResponse, path: string, body: string): void {
    if (path !== webhookPath) return answerText(response, 404, 'no_service');
    const message = parseBody(body, 'application/json');
    const problem = message ? postToWebhook(workspace, message) : 'invalid_payload';
    answerText(response, problem ? 400 : 200, problem ?? 'ok');
  }

  function answerApi(response: ServerResponse, request: IncomingMessage, path: URL, body: string): void {
    const method = path.pathname.replace(/^\/api\//, '');
    const sent = parseBody(body, request.headers['content-type'] ?? '');
    if (!sent) return answerJson(response, 200, { ok: false, error: 'invalid_json' });
    const args = { ...Object.fromEntries(path.searchParams), ...sent };
    if (method === 'oauth.v2.access') return answerJson(response, 200, oauth.access(args, /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1]));
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? args.token;
    if (typeof token !== 'string') return answerJson(response, 200, { ok: false, error: 'not_authed' });
    const known = oauth.tokens.includes(token) || (options.tokens ? options.tokens.includes(token) : token.startsWith('xoxb-'));
    answerJson(response, 200, known ? callMethod(workspace, method, args) : { ok: false, error: 'invalid_auth' });
  }

  const server = await startLoopbackServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  }, options.port);

  return {
    url: server.url,
    webhookUrl: server.url + webhookPath,
    apiUrl: `${server.url}/api`,
    port: server.port,
    messages: workspace.messages,
    arrived: () => arrived,
    refuse: (next) => {
      refuse = next;
    },
    refuseCalls: (next) => {
      refuseCalls = next;
    },
    calls,
    oauth,
    refuseUpdates: (next) => {
      refuseUpdate = next;
    },
    async waitFor(enough, timeoutMs = 10_000) {
      const { messages } = workspace;
      const isEnough = typeof enough === 'number' ? () => messages.length >= enough : () => enough(messages);
      const timeout = AbortSignal.timeout(timeoutMs);
      while (!isEnough()) {
        await once(accepted, 'message', { signal: timeout }).catch(() => {
          const texts = messages.map(({ channel, text }) => `${channel ?? 'webhook'}: ${text}`).join('\n');
          throw new Error(`waited ${timeoutMs} ms in vain; ${messages.length} messages arrived:\n${texts}`);
        });
      }
      return messages;
    },
    close: () => server.close(),
  };
}

function answerRefusal(response: ServerResponse, refusal: SlackRefusal, isWebhook: boolean): void {
  if ('retryAfterSeconds' in refusal) {
    response.setHeader('retry-after', String(refusal.retryAfterSeconds));
    if (isWebhook) answerText(response, 429, 'rate_limited');
    else answerJson(response, 429, { ok: false, error: 'ratelimited' });
  } else if (!('error' in refusal)) {
    answerText(response, refusal.status, '');
  } else if (isWebhook) {
    answerText(response, refusal.status ?? 400, refusal.error);
  } else {
    answerJson(response, refusal.status ?? 200, { ok: false, error: refusal.error });
  }
}

function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(text);
}

function answerJson(response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

/** JSON or a form, as the Web API takes both; undefined when it is neither. */
function parseBody(body: string, contentType: string): JsonObject | undefined {
  if (!contentType.startsWith('application/json')) return Object.fromEntries(new URLSearchParams(body));
  try {
    const parsed: JsonObject | null = JSON.parse(body);
    return parsed ?? undefined;
  } catch {
    return undefined;
  }
}
