import type { Context } from 'hono';
import { type AskedMessage, findAskedMessage } from '../../store/askedMessages.ts';
import { commandEventId } from '../../store/commands.ts';
import { type Confirmation, readConfirmation } from '../../store/confirmations.ts';
import { createDecisionLinks } from '../../store/decisionLinks.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { readBytes } from '../limits.ts';
import { patiently } from '../patience.ts';
import { problemOf } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { isStorable } from '../schemas.ts';
import { answeredPage, noticePage, questionPage } from './page.ts';
import { CONTENT_SECURITY_POLICY } from './style.ts';

const MAX_FORM_BYTES = 32 * 1024;
/** How long a decision may take to show in the store. */
const SHOWN_WITHIN_MS = 2000;

type Decision = 'approve' | 'reject';

interface Found {
  message: AskedMessage;
  confirmation: Confirmation;
}

/**
 * The page behind a decision link: shows what is asked, and takes the answer of whoever has the link, once. Looking
 * changes nothing. The link is in the query, which no log of ours has, and leaves the page with no request.
 */
export function registerDecide(app: ApiRouter, deps: ApiDependencies): void {
  const { db, commands, log, settings } = deps;
  const links = createDecisionLinks(settings.secretKey, settings.previousSecretKeys);

  async function find(c: Context<ApiEnv>): Promise<Found | Response> {
    const link = links.read(c.req.query('link') ?? '');
    const message = link && (await patiently(() => findAskedMessage(db, link.deliveryId)));
    const confirmation = message && (await read(message));
    if (!link || !confirmation) return show(c, 404, noticePage('No such link', 'This link is not one of this installation, or it was not copied as a whole.'));
    if (confirmation.status !== 'pending') return show(c, c.req.method === 'POST' ? 409 : 200, answeredPage(confirmation, howAnswered(message, confirmation)));
    if (link.expiresAt.getTime() <= Date.now()) return show(c, 410, noticePage('This link has expired', 'The question can no longer be answered here.'));
    return { message, confirmation };
  }

  function read({ organisationId, confirmationId }: AskedMessage): Promise<Confirmation | undefined> {
    return patiently(() => readConfirmation(db, organisationId, confirmationId));
  }

  async function decide(c: Context<ApiEnv>, { message, confirmation }: Found): Promise<Response> {
    const given = readAnswer(new URLSearchParams((await readBytes(c, MAX_FORM_BYTES)).toString('utf8')));
    if (typeof given === 'string') return show(c, 400, questionPage(message, confirmation, given));
    const { decision, name, reason } = given;
    const { outcome } = await commands.decideConfirmation(message.organisationId, message.sessionId, {
      requestId: requestId(message.deliveryId, decision),
      command: 'decide',
      payload: { confirmationId: message.confirmationId, decision, reason },
      by: name === '' ? `whoever had the link in ${message.integration.name}` : `${name} (link in ${message.integration.name})`,
    });
    if (outcome === 'unavailable') {
      c.header('Retry-After', '5');
      return show(c, 503, questionPage(message, confirmation, 'Your answer could not be recorded just now. Please try again in a moment.'));
    }
    const now = (await answered(message)) ?? confirmation;
    return show(c, outcome === 'done' ? 200 : 409, answeredPage(now, outcome === 'done' ? 'now' : howAnswered(message, now)));
  }

  /** The confirmation as soon as the answer shows in it. */
  async function answered(message: AskedMessage): Promise<Confirmation | undefined> {
    const giveUpAt = performance.now() + SHOWN_WITHIN_MS;
    for (;;) {
      const confirmation = await read(message);
      if (confirmation?.status !== 'pending' || performance.now() > giveUpAt) return confirmation;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** A page in any case: people, not programs, come here. */
  async function answer(c: Context<ApiEnv>, respond: (found: Found) => Response | Promise<Response>): Promise<Response> {
    try {
      const found = await find(c);
      return found instanceof Response ? found : await respond(found);
    } catch (error) {
      const problem = problemOf(error);
      if (!problem) log.error({ err: error }, 'a decision page could not be answered');
      return show(c, problem?.status ?? 500, noticePage(problem?.title ?? 'Something went wrong', problem?.detail ?? 'Please try again in a moment.'));
    }
  }

  app.get('/decide', (c) => answer(c, ({ message, confirmation }) => show(c, 200, questionPage(message, confirmation))));
  app.post('/decide', (c) => answer(c, (found) => decide(c, found)));
}

function requestId(deliveryId: string, decision: Decision): string {
  return `link:${deliveryId}:${decision}`;
}

function howAnswered({ deliveryId }: AskedMessage, { closedByEventId }: Confirmation): 'by this link' | 'elsewhere' {
  const own = (['approve', 'reject'] as const).map((decision) => commandEventId(requestId(deliveryId, decision)));
  return closedByEventId !== null && own.includes(closedByEventId) ? 'by this link' : 'elsewhere';
}

/** The form's fields, or what is wrong with them. */
function readAnswer(form: URLSearchParams): { decision: Decision; name: string; reason: string | null } | string {
  const decision = form.get('decision');
  const name = (form.get('name') ?? '').trim();
  const reason = (form.get('reason') ?? '').trim();
  if (decision !== 'approve' && decision !== 'reject') return 'Choose either Approve or Reject.';
  if (name.length > 100 || reason.length > 1000) return 'The name or the reason is too long.';
  if (!isStorable(name) || !isStorable(reason)) return 'The name or the reason contains characters that cannot be stored.';
  return { decision, name, reason: reason === '' ? null : reason };
}

function show(c: Context<ApiEnv>, status: number, html: string): Response {
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
  return c.html(html, status as 200);
}

const HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'X-Robots-Tag': 'noindex',
};
