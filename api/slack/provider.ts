import { hkdfSync } from 'node:crypto';
import { type Installation, InstallProvider, type OrgInstallation } from '@slack/oauth';
import type { Logger } from 'pino';
import type { ApiSettings } from '../dependencies.ts';

const DEFAULT_URL = 'https://slack.com';
const TIMEOUT_MS = 10_000;

/** chat:write posts; channels:read and groups:read list channels; channels:join enters public ones. */
export const slackScopes = ['chat:write', 'channels:read', 'groups:read', 'channels:join'];

export interface SlackApp {
  clientId: string;
  clientSecret: string;
  /** Whether clicks on the app's buttons can be verified. */
  interactive: boolean;
  /** Base URL of the Web API; undefined for Slack's own. */
  apiUrl: string | undefined;
  /** Where Slack sends browsers back to. */
  redirectUri: string;
}

/** The installation's Slack app, if it has one that can be installed with a click. */
export function slackAppOf({ slack, publicUrl }: Pick<ApiSettings, 'slack' | 'publicUrl'>): SlackApp | undefined {
  if (!slack?.clientId || !slack.clientSecret) return undefined;
  const { clientId, clientSecret, signingSecret, url } = slack;
  return {
    clientId,
    clientSecret,
    interactive: signingSecret !== undefined,
    apiUrl: url === undefined || url === DEFAULT_URL ? undefined : `${url}/api`,
    redirectUri: `${publicUrl}/slack/oauth/callback`,
  };
}

interface Parts {
  settings: Pick<ApiSettings, 'slack' | 'publicUrl' | 'secretKey'>;
  log: Logger;
  /** The page before Slack's own; it leads to `url`. */
  page?: (url: string) => string;
  /** Told what Slack gave. What it throws ends the install. */
  store?: (installation: Installation | OrgInstallation) => Promise<void>;
}

/**
 * Slack's OAuth flow. The state is signed, valid for ten minutes and bound to the browser by a cookie.
 * Any process of the installation can go on where another one began.
 */
export function createProvider(app: SlackApp, { settings, log, page, store }: Parts): InstallProvider {
  const url = settings.slack?.url ?? DEFAULT_URL;
  return new InstallProvider({
    clientId: app.clientId,
    clientSecret: app.clientSecret,
    stateSecret: Buffer.from(hkdfSync('sha256', settings.secretKey, '', 'herald slack install', 32)).toString('base64url'),
    authorizationUrl: `${url}/oauth/v2/authorize`,
    // Somebody waits in front of a browser: no retries.
    clientOptions: { slackApiUrl: `${url}/api/`, timeout: TIMEOUT_MS, retryConfig: { retries: 0 }, rejectRateLimitedCalls: true },
    logger: quietLogger(log),
    ...(page ? { renderHtmlForInstallPath: page } : {}),
    installationStore: {
      storeInstallation: store ?? (() => Promise.resolve()),
      fetchInstallation: () => Promise.reject(new Error('Installs are kept as integrations.')),
    },
  });
}

type SlackLogger = NonNullable<ConstructorParameters<typeof InstallProvider>[0]['logger']>;

/** Messages alone: what else the library logs may hold codes and tokens. */
function quietLogger(log: Logger): SlackLogger {
  const nothing = () => {};
  const warn = (...given: unknown[]) => log.warn({ reason: given.map((each) => (each instanceof Error ? each.message : '')).join(' ') }, 'an install of the Slack app failed');
  return { debug: nothing, info: nothing, warn: nothing, error: warn, setLevel: nothing, setName: nothing, getLevel: () => 'error' as ReturnType<SlackLogger['getLevel']> };
}
