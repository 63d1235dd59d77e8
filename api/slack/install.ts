import type { IncomingMessage, ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { ErrorCode, type Installation, type OrgInstallation } from '@slack/oauth';
import type { Context } from 'hono';
import { installedSlack, type SlackGrant } from '../../activities/channels/slack/installed.ts';
import { createIntegration, type Integration, updateIntegration } from '../../store/integrations.ts';
import { findSlackInstall, takeSlackInstall } from '../../store/slackInstalls.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { notFound } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { pageHeaders, slackPage } from './pages.ts';
import { createProvider, type SlackApp, slackAppOf, slackScopes } from './provider.ts';

/** Something that the person in front of the browser can set right. */
class InstallRefused extends Error {
  override name = 'InstallRefused';
}

const tooOld = 'This link has expired or was used already. Ask for a new one with POST /v1/slack/installs.';

/** The two pages of installing the Slack app: one that leads to Slack, and one to which Slack leads back. */
export function registerSlackInstall(app: ApiRouter, { db, secrets, settings, log }: ApiDependencies): void {
  app.get('/slack/install', async (c) => {
    const slackApp = requireApp();
    const ticket = c.req.query('ticket') ?? '';
    const found = await findSlackInstall(db, ticket);
    if (!found) return c.html(slackPage('Herald for Slack', [tooOld]), 404, pageHeaders);
    const { incoming, outgoing } = bindings(c);
    setHeaders(outgoing);
    const page = (url: string) =>
      slackPage('Herald for Slack', [`This lets the organisation “${found.organisationName}” of this Herald post messages in a Slack workspace of yours. Slack asks you next which one.`], {
        url,
        label: 'Continue to Slack',
      });
    const options = { scopes: slackScopes, redirectUri: slackApp.redirectUri, metadata: ticket };
    await createProvider(slackApp, { settings, log, page }).handleInstallPath(incoming, outgoing, undefined, options);
    return RESPONSE_ALREADY_SENT;
  });

  app.get('/slack/oauth/callback', async (c) => {
    const slackApp = requireApp();
    const { incoming, outgoing } = bindings(c);
    setHeaders(outgoing);
    let stored: Integration | undefined;
    const store = async (installation: Installation | OrgInstallation) => {
      stored = await storeInstall(slackApp, installation);
    };
    await createProvider(slackApp, { settings, log, store }).handleCallback(incoming, outgoing, {
      beforeInstallation: async ({ metadata }) => {
        if (!(await findSlackInstall(db, metadata ?? ''))) throw new InstallRefused(tooOld);
        return true;
      },
      success: (installation) => {
        outgoing.writeHead(200).end(slackPage('Slack is connected', successTexts(installation, stored)));
      },
      failure: (error) => {
        outgoing.writeHead(400).end(slackPage('Slack is not connected', [failureText(error)]));
      },
    });
    return RESPONSE_ALREADY_SENT;
  });

  function requireApp(): SlackApp {
    const slackApp = slackAppOf(settings);
    if (!slackApp) throw notFound('Slack app', 'This Herald has no Slack app to install. Set HERALD_SLACK_CLIENT_ID and HERALD_SLACK_CLIENT_SECRET.');
    return slackApp;
  }

  /** Uses the ticket up and creates or changes the integration, both or neither. */
  function storeInstall(slackApp: SlackApp, installation: Installation | OrgInstallation): Promise<Integration> {
    const grant = grantOf(slackApp, installation);
    return db.transaction().execute(async (trx) => {
      const install = await takeSlackInstall(trx, installation.metadata ?? '');
      if (!install) throw new InstallRefused(tooOld);
      const { organisationId, integrationId, name, channel } = install;
      const sealed = (before?: Integration) => {
        const { config, secrets: opened } = installedSlack(grant, channel, before?.config);
        return { config, secrets: secrets.seal(opened) };
      };
      if (integrationId === null) return createIntegration(trx, organisationId, { name, type: 'slack', enabled: true, ...sealed() });
      // What Herald disabled because of the old token may send again; what a person disabled stays so.
      const changed = await updateIntegration(trx, organisationId, integrationId, (before) => ({ ...sealed(before), ...(before.disabledReason !== null && { enabled: true }) }));
      if (!changed) throw new InstallRefused('The integration that was to be connected has been deleted.');
      return changed;
    });
  }
}

function grantOf({ apiUrl, interactive }: SlackApp, { bot, team }: Installation | OrgInstallation): SlackGrant {
  if (!bot) throw new InstallRefused('Slack gave no bot token. Check that the app has the bot scopes of docs/slack.md.');
  if (!team) throw new InstallRefused('The app was installed for a whole Enterprise organisation. Install it in one workspace.');
  if (bot.refreshToken !== undefined) throw new InstallRefused('The Slack app rotates its tokens, which Herald does not do. Switch token rotation off and make a new app.');
  return { botToken: bot.token, team: { id: team.id, name: team.name ?? team.id }, interactive, ...(apiUrl !== undefined && { apiUrl }) };
}

function successTexts({ team }: Installation | OrgInstallation, integration: Integration | undefined): string[] {
  const channel = integration?.config.channel;
  const next = typeof channel === 'string' ? `Messages go to ${channel}.` : 'Choose a default channel with PATCH, or a channel for each notification.';
  return [`Herald may post in ${team?.name ?? 'the workspace'} now: integration ${integration?.id ?? ''}.`, next, 'You can close this page.'];
}

function failureText(error: Error & { code?: string; data?: unknown }): string {
  if (error instanceof InstallRefused) return error.message;
  if (error.code === ErrorCode.AuthorizationError) return 'It was not allowed in Slack. Nothing has changed.';
  if (error.code === ErrorCode.MissingStateError || error.code === ErrorCode.InvalidStateError || error.code === ErrorCode.MissingCodeError) {
    return 'This answer of Slack does not belong to an install that was begun in this browser within the last ten minutes. Open the link again.';
  }
  const { data } = error;
  const code = typeof data === 'object' && data !== null && 'error' in data && typeof data.error === 'string' ? data.error : undefined;
  return code === undefined ? 'Slack could not be reached, or Herald failed. Its log says more. Open the link again.' : `Slack refused: ${code}. Open the link again.`;
}

function setHeaders(outgoing: ServerResponse): void {
  for (const [name, value] of Object.entries(pageHeaders)) outgoing.setHeader(name, value);
}

function bindings(c: Context<ApiEnv>): { incoming: IncomingMessage; outgoing: ServerResponse } {
  const { incoming, outgoing } = c.env;
  if (!incoming || !outgoing || !('setHeader' in outgoing)) throw new Error('The Slack pages need Node’s own HTTP server.');
  return { incoming, outgoing };
}
