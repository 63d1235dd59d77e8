import type { AttemptResult } from '../model/types.ts';
import { questionOf } from '../store/askedMessages.ts';
import { readConfirmation } from '../store/confirmations.ts';
import type { Db } from '../store/database.ts';
import type { DecisionLinks } from '../store/decisionLinks.ts';
import type { Message } from './channels/channel.ts';

/** Adds to messages the questions that their events ask. */
export interface Questions {
  /** The message with its question as it stands now; as it is when its event asks nothing. */
  addTo(message: Message, session: { organisationId: string; key: number }): Promise<Message>;
}

/** A link that nobody has used works this long when its question waits for ever. */
const LINK_LIFE_MS = 7 * 86_400_000;

export function createQuestions({ db, links, publicUrl }: { db: Db; links: DecisionLinks; publicUrl: string }): Questions {
  return {
    async addTo(message, session) {
      const { eventId, eventType, payload } = message;
      const id = questionOf(session.key, { id: eventId, type: eventType, payload });
      const asked = id === undefined ? undefined : await readConfirmation(db, session.organisationId, id);
      if (!asked) return message;
      const expiresAt = asked.expiresAt ?? new Date(asked.askedAt.getTime() + LINK_LIFE_MS);
      const link = links.make({ deliveryId: message.deliveryId, expiresAt });
      if (link === undefined) return message;
      const { status, decidedBy, reason, onTimeout } = asked;
      return {
        ...message,
        confirmation: {
          id: asked.id,
          status,
          decidedBy,
          reason,
          expiresAt: asked.expiresAt?.toISOString() ?? null,
          onTimeout,
          url: `${publicUrl}/decide?link=${link}`,
        },
      };
    },
  };
}

/**
 * The result of sending a question as it may be kept: with the question beside the reference to the message, and without
 * the decision link, which a destination may repeat in its answer. Whoever reads attempts must not get it.
 */
export function keepable(result: AttemptResult, { confirmation }: Message): AttemptResult {
  if (!confirmation) return result;
  if (!result.ok) return { ...result, error: hidden(result.error), response: hidden(result.response) };
  const reference = result.reference && { ...result.reference, confirmation: confirmation.id };
  return { ...result, response: hidden(result.response), ...(reference ? { reference } : {}) };
}

/** However the answer spells it, and also where it was cut. */
function hidden<T extends string | null>(text: T): T {
  return text === null ? text : (text.replaceAll(/(decide(?:\?|%3f|\\u003f)link(?:=|%3d|\\u003d))[\w-]+/gi, '$1(hidden)') as T);
}
