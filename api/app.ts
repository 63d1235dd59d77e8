import { defaultPrices } from '../model/pricing.ts';
import { createAgentops } from './agentops/index.ts';
import { createKeyring } from './auth.ts';
import { registerDecide } from './decide/routes.ts';
import { answerInTime } from './deadline.ts';
import type { ApiDependencies } from './dependencies.ts';
import { answerError, answerNotFound } from './errors.ts';
import { registerInstallation } from './installation.ts';
import { registerDocs } from './openapi.ts';
import { createRouter, type ApiRouter } from './router.ts';
import { registerSlackInstall } from './slack/install.ts';
import { registerSlackInteractions } from './slack/interactions.ts';
import { createV1 } from './v1/index.ts';
import { registerWellKnown } from './wellKnown.ts';

/** The whole HTTP API as one Hono app. */
export function createApp(given: ApiDependencies): ApiRouter {
  const tokenPrices = { ...defaultPrices, ...given.settings.tokenPrices };
  const deps = { ...given, settings: { ...given.settings, tokenPrices } };
  const app = createRouter();
  const keyring = createKeyring(deps.db, deps.settings);
  app.onError(answerError(deps.log));
  app.notFound(answerNotFound(deps.log));
  app.use(async (c, next) => {
    c.set('keyring', keyring);
    await next();
  });
  app.use(answerInTime());
  registerInstallation(app, deps);
  registerWellKnown(app, deps);
  registerDecide(app, deps);
  registerSlackInteractions(app, deps);
  registerSlackInstall(app, deps);
  app.route('/', createAgentops(deps));
  app.route('/v1', createV1(deps));
  registerDocs(app, deps);
  return app;
}
