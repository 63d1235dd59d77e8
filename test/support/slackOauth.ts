import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../../model/types.ts';

/** A Slack app that can be installed with a click, as the stand-in knows it. */
export interface SlackApp {
  clientId: string;
  clientSecret: string;
}

interface Grant {
  redirectUri: string;
  scopes: string;
}

/** OAuth as Slack documents it: a person allows the app and gets a code, which counts once. */
export class SlackOauth {
  readonly #app: SlackApp;
  readonly #grants = new Map<string, Grant>();
  /** Tokens that were given out, the newest last. */
  readonly tokens: string[] = [];

  constructor(app: SlackApp) {
    this.#app = app;
  }

  /**
   * What a browser does when somebody allows the app on Slack's page.
   * @returns the address that Slack sends the browser to
   * @throws Error when Slack would show an error instead of the page
   */
  allow(authorizeUrl: string): string {
    const { pathname, searchParams } = new URL(authorizeUrl);
    const redirectUri = searchParams.get('redirect_uri') ?? '';
    if (pathname !== '/oauth/v2/authorize') throw new Error(`there is no page ${pathname}`);
    if (searchParams.get('client_id') !== this.#app.clientId) throw new Error('invalid client_id');
    const code = randomUUID();
    this.#grants.set(code, { redirectUri, scopes: searchParams.get('scope') ?? '' });
    const target = new URL(redirectUri);
    target.searchParams.set('code', code);
    target.searchParams.set('state', searchParams.get('state') ?? '');
    return target.href;
  }

  /** The method oauth.v2.access. */
  access(args: JsonObject, basicAuth: string | undefined): JsonObject {
    const [clientId, clientSecret] = basicAuth === undefined ? [args.client_id, args.client_secret] : Buffer.from(basicAuth, 'base64').toString().split(':');
    if (clientId !== this.#app.clientId) return { ok: false, error: 'invalid_client_id' };
    if (clientSecret !== this.#app.clientSecret) return { ok: false, error: 'bad_client_secret' };
    const code = typeof args.code === 'string' ? args.code : '';
    const grant = this.#grants.get(code);
    if (!grant) return { ok: false, error: 'invalid_code' };
    if (args.redirect_uri !== grant.redirectUri) return { ok: false, error: 'bad_redirect_uri' };
    this.#grants.delete(code);
    const token = `xoxb-installed-${randomUUID()}`;
    this.tokens.push(token);
    return {
      ok: true,
      access_token: token,
      token_type: 'bot',
      scope: grant.scopes,
      bot_user_id: 'U0000000001',
      app_id: 'A0000000001',
      team: { id: 'T0000000001', name: 'Stand-in' },
      enterprise: null,
      is_enterprise_install: false,
      authed_user: { id: 'U0000000002' },
    };
  }
}
