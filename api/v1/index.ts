import type { ApiDependencies } from '../dependencies.ts';
import { createRouter, type ApiRouter } from '../router.ts';
import { registerAgents } from './agents.ts';
import { registerApiKeys } from './apiKeys.ts';
import { registerConfirmations } from './confirmations.ts';
import { registerDeliveries } from './deliveries.ts';
import { registerDeliveryCommands } from './deliveryCommands.ts';
import { registerEventTypes } from './eventTypes.ts';
import { createGuards } from './guard.ts';
import { registerIntegrations } from './integrations.ts';
import { registerIntegrationTest } from './integrationTest.ts';
import { registerNotifications } from './notifications.ts';
import { registerOrganisation } from './organisation.ts';
import { registerPreview } from './preview.ts';
import { registerRotateSecret } from './rotateSecret.ts';
import { registerSessionCommands } from './sessionCommands.ts';
import { registerSessionReports } from './sessionReports.ts';
import { registerSessionTimeouts } from './sessionTimeouts.ts';
import { registerSessions } from './sessions.ts';
import { registerStream } from './stream.ts';
import { registerWait } from './wait.ts';

/** Herald's own API. */
export function createV1(deps: ApiDependencies): ApiRouter {
  const app = createRouter();
  const guards = createGuards(deps);
  registerIntegrations(app, deps, guards);
  registerIntegrationTest(app, deps, guards);
  registerRotateSecret(app, deps, guards);
  registerAgents(app, deps, guards);
  registerNotifications(app, deps, guards);
  registerPreview(app, deps, guards);
  registerSessionReports(app, deps, guards);
  registerSessions(app, deps, guards);
  registerSessionTimeouts(app, deps, guards);
  registerSessionCommands(app, deps, guards);
  registerConfirmations(app, deps, guards);
  registerWait(app, deps);
  registerStream(app, deps);
  registerDeliveries(app, deps, guards);
  registerDeliveryCommands(app, deps, guards);
  registerEventTypes(app, guards);
  registerApiKeys(app, deps, guards);
  registerOrganisation(app, deps, guards);
  return app;
}
