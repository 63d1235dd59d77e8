import { ApplicationFailure } from '@temporalio/common';
import { loadStoredEvents } from '../store/messages.ts';
import { loadSentMessage, markSettled, type SentMessage } from '../store/sentMessages.ts';
import type { Message, SendIo } from './channels/channel.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { Directory } from './destinations.ts';
import { messageOf } from './message.ts';
import type { Questions } from './questions.ts';
import { withoutSecrets } from './withoutSecrets.ts';

/** What the workflow of an answered message asks of the outside world. */
export interface SettlingActivities {
  /** Shows in a sent message how its question was answered. Answers what came of it, in words. */
  settleMessage(input: { deliveryId: string }): Promise<string>;
  /** Leaves a message as it is. */
  giveUpMessage(input: { deliveryId: string }): Promise<void>;
}

export function createSettlingActivities(deps: ActivityDependencies, directory: Directory, questions: Questions): SettlingActivities {
  const { db, http, publicUrl } = deps;
  const io: Pick<SendIo, 'http'> = { http };

  async function messageFor(deliveryId: string, sent: SentMessage): Promise<Message | undefined> {
    const event = (await loadStoredEvents(db, sent.sessionKey, [sent.seq])).get(sent.seq);
    if (!event) return undefined;
    const agent = { id: sent.agentId, name: await directory.agentName(sent.agentId, sent.rulesVersion) };
    const message = messageOf({ id: deliveryId, channel: sent.channel }, event, { id: sent.sessionId, publicUrl }, agent);
    return questions.addTo(message, { organisationId: sent.organisationId, key: sent.sessionKey });
  }

  return {
    async settleMessage({ deliveryId }) {
      const sent = await loadSentMessage(db, deliveryId);
      if (!sent || sent.settled) return 'settled before';
      const destination = await directory.destination(sent.integrationId, sent.rulesVersion);
      const message = await messageFor(deliveryId, sent);
      if (message?.confirmation?.status === 'pending') return 'the question is open';
      const updated = message && destination?.channel.update && (await destination.channel.update(
        destination.channel.render(message, destination.config), sent.reference, destination.config, destination.secrets, io,
      ));
      const answer = updated && withoutSecrets(updated, destination.secrets);
      if (answer && !answer.ok && answer.kind === 'retryable') {
        const { error, retryAfterMs } = answer;
        throw ApplicationFailure.create({ message: error, ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }) });
      }
      await markSettled(db, deliveryId);
      if (!answer) return 'there is nothing to change any more';
      return answer.ok ? 'changed' : answer.error;
    },

    giveUpMessage: ({ deliveryId }) => markSettled(db, deliveryId),
  };
}
