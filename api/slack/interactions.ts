import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type AskedMessage, findAskedMessage } from '../../store/askedMessages.ts';
import { type Confirmation, readConfirmation } from '../../store/confirmations.ts';
import { noteSlackRequest } from '../../store/slackRequests.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { readBytes } from '../limits.ts';
import { unauthorized } from '../problems.ts';
import type { ApiRouter } from '../router.ts';
import { type Click, readClick } from './click.ts';
import { isSignedBySlack, readSlackSignature } from './signature.ts';

/** A message comes back whole with a click on it. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Slack shows a warning when it is not answered within 3 s. */
const ANSWER_WITHIN_MS = 2000;
const RESPONSE_TIMEOUT_MS = 10_000;

const slackSecrets = z.object({ signing_secret: z.string().optional() });
const slackConfig = z.object({ team: z.object({ id: z.string() }).optional() });

/**
 * Clicks on Approve and Reject. Slack signs them with the app's signing secret: that of the integration which sent the
 * message, or the installation's own. The message itself is changed by the worker, whoever answered.
 */
export function registerSlackInteractions(app: ApiRouter, deps: ApiDependencies): void {
  const { db, commands, http, log, secrets, settings } = deps;

  /** Of the app that sent the message; of the installation's own app where the integration names none. */
  function signingSecret(message: AskedMessage | undefined): string | undefined {
    const own = message?.integration.type === 'slack' ? slackSecrets.parse(secrets.open(message.integration.secrets)).signing_secret : undefined;
    return own ?? settings.slack?.signingSecret;
  }

  async function decide({ organisationId, sessionId, confirmationId, deliveryId }: AskedMessage, { decision, by }: Click): Promise<string | undefined> {
    const { outcome } = await commands.decideConfirmation(organisationId, sessionId, {
      requestId: `slack:${deliveryId}:${decision}`,
      command: 'decide',
      payload: { confirmationId, decision, reason: null },
      by,
    });
    if (outcome === 'done') return undefined;
    if (outcome === 'unavailable') return 'Your answer could not be recorded just now. Please click again in a moment.';
    const confirmation = await readConfirmation(db, organisationId, confirmationId);
    return confirmation ? sentenceOf(confirmation) : 'This question is not known any more.';
  }

  /** A word to the person who clicked, and to nobody else. */
  async function tell({ responseUrl: url }: Click, text: string): Promise<void> {
    if (url === undefined) return;
    const body = JSON.stringify({ response_type: 'ephemeral', replace_original: false, text });
    const answer = await http.post({ url, headers: { 'content-type': 'application/json' }, body, timeoutMs: RESPONSE_TIMEOUT_MS });
    if (answer.kind !== 'answered') log.warn({ reason: answer.error }, 'somebody who clicked in Slack could not be told what came of it');
  }

  app.post('/slack/interactions', async (c) => {
    const body = await readBytes(c, MAX_BODY_BYTES);
    const signature = readSlackSignature({ timestamp: c.req.header('x-slack-request-timestamp'), signature: c.req.header('x-slack-signature') }, Date.now());
    if (!signature) throw refused('The signature is missing, or its time is more than five minutes away.');
    const click = readClick(body);
    const message = click && (await findAskedMessage(db, click.deliveryId));
    const secret = signingSecret(message);
    if (secret === undefined || !isSignedBySlack(secret, signature, body)) throw refused('The signature does not fit.');
    if (!(await noteSlackRequest(db, createHash('sha256').update(signature.signature).digest()))) throw refused('This request came before.');
    if (!click || !message || !isSameWorkspace(message, click)) return c.body(null, 200);

    const answered = decide(message, click)
      .catch((error: unknown) => {
        log.error({ err: error, delivery: click.deliveryId }, 'a click in Slack could not be carried out');
        return 'Something went wrong, and your answer may not be recorded. Please click again in a moment.';
      })
      .then((problem) => (problem === undefined ? undefined : tell(click, problem)));
    await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, ANSWER_WITHIN_MS).unref())]);
    return c.body(null, 200);
  });
}

/** An app that is installed in several workspaces signs for all of them. */
function isSameWorkspace({ integration }: AskedMessage, { teamId }: Click): boolean {
  const { team } = slackConfig.parse(integration.config);
  return team === undefined || team.id === teamId;
}

function refused(detail: string) {
  return unauthorized('Not signed by Slack', `${detail} Check the signing secret of the Slack app, and this server's clock.`);
}

function sentenceOf({ status, decidedBy }: Confirmation): string {
  if (status === 'pending') return 'Your answer could not be recorded. Please click again.';
  if (status === 'cancelled') return 'This question waits for no answer any more.';
  const who = decidedBy === 'timeout' ? ', because nobody answered in time' : decidedBy === null ? '' : ` by ${decidedBy}`;
  return `This question has been answered already: ${status}${who}.`;
}
