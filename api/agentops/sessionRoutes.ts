import { z } from '@hono/zod-openapi';
import { sessionExists } from '../../store/sessionLookup.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { readJson } from '../limits.ts';
import { patiently } from '../patience.ts';
import { badRequest, notFound } from '../problems.ts';
import { outsideId } from '../schemas.ts';
import { costText, sessionUrl } from './answers.ts';
import { createSession } from './createSession.ts';
import { foreignSession } from './events.ts';
import type { AgentopsRoute } from './route.ts';
import { check, requireObject, sessionSchema } from './schemas.ts';
import { readSessionReport, sessionField } from './sessionReport.ts';
import { changeOfSession } from './updateSession.ts';

const ID = '550e8400-e29b-41d4-a716-446655440000';
const sessionBody = z.union([z.object({ session: sessionSchema }), sessionSchema]);
const success = z.literal('success');

export function createSessionRoute(deps: ApiDependencies): AgentopsRoute {
  const { limits, publicUrl } = deps.settings;
  return {
    paths: ['/create_session', '/sessions'],
    summary: 'Start a session',
    description: 'Answers the token for everything else. Repeating it fills absent fields and answers a fresh token.',
    security: 'key',
    body: sessionBody,
    example: { session: { id: ID, init_timestamp: '2024-03-14T12:00:00Z', tags: ['production', 'customer-service'] } },
    answer: z.object({ status: success, jwt: z.string(), session_id: z.string(), session_url: z.string() }),
    async handle(c) {
      const apiKey = await c.get('keyring').requireHeaderKey(c, 'ingest');
      const { value } = await readJson(c, limits.requestBytes);
      const { id } = await createSession(deps, apiKey, value);
      const jwt = await c.get('keyring').tokens.issue({ sessionId: id, organisationId: apiKey.organisationId, apiKeyId: apiKey.id });
      return c.json({ status: 'success', jwt, session_id: id, session_url: sessionUrl(publicUrl, id) });
    },
  };
}

export function updateSessionRoute({ ingest, settings }: ApiDependencies): AgentopsRoute {
  return {
    paths: ['/update_session'],
    summary: 'Update or end a session',
    description: 'Ends the session when it carries end_timestamp. New tags replace the old ones; metadata merges.',
    security: 'token',
    body: sessionBody,
    example: { session: { id: ID, end_timestamp: '2024-03-14T12:05:00Z', end_state: 'Success', end_state_reason: 'Task successfully completed' } },
    answer: z.object({ status: success, token_cost: z.string().openapi({ example: '0.00' }), session_url: z.string() }),
    async handle(c) {
      const claims = await c.get('keyring').requireSession(c);
      const { value } = await readJson(c, settings.limits.requestBytes);
      const report = readSessionReport(value);
      if (report.id !== undefined && report.id !== claims.sessionId) throw foreignSession(sessionField(value, 'id'));
      const now = new Date().toISOString();
      const cost = await ingest.changeSession(claims.organisationId, claims.sessionId, (stored) =>
        Promise.resolve({ answer: stored.tokenCost, ...changeOfSession(stored, report, now) }),
      );
      if (cost === 'no_session') throw notFound(`session '${claims.sessionId}'`);
      return c.json({ status: 'success', token_cost: costText(cost), session_url: sessionUrl(settings.publicUrl, claims.sessionId) });
    },
  };
}

export function reauthorizeRoute({ db, settings }: ApiDependencies): AgentopsRoute {
  const body = z.object({ session_id: outsideId });
  return {
    paths: ['/reauthorize_jwt'],
    summary: 'Get a fresh token for a session',
    description: 'Tokens last 24 hours.',
    security: 'key',
    body,
    example: { session_id: ID },
    answer: z.object({ status: success, jwt: z.string() }),
    async handle(c) {
      const apiKey = await c.get('keyring').requireHeaderKey(c, 'ingest');
      const { value } = await readJson(c, settings.limits.requestBytes);
      const outer = requireObject(value);
      const nested = outer.session === undefined ? outer : requireObject(outer.session, ['session']);
      const given = nested.session_id ?? nested.id;
      if (given === undefined) throw badRequest('session_id', 'session_id is required: the id of a session you have created.');
      const { session_id: sessionId } = check(body, { session_id: given });
      if (!(await patiently(() => sessionExists(db, apiKey.organisationId, sessionId)))) throw notFound(`session '${sessionId}'`);
      const jwt = await c.get('keyring').tokens.issue({ sessionId, organisationId: apiKey.organisationId, apiKeyId: apiKey.id });
      return c.json({ status: 'success', jwt });
    },
  };
}
