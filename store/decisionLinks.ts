import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** What a decision link stands for. */
export interface DecisionLink {
  /** The message that carries it. */
  deliveryId: string;
  expiresAt: Date;
}

/**
 * Makes and reads the links on which people answer a question. A link is signed, not stored: the same message carries
 * the same link in every attempt, and nothing that is kept can be used to answer.
 */
export interface DecisionLinks {
  /** The text of a link, safe in a URL; undefined for a delivery that no event of a session asked for. */
  make(link: DecisionLink): string | undefined;
  /** Undefined for anything that was not made here. The time is not looked at. */
  read(text: string): DecisionLink | undefined;
}

const ID_BYTES = 16;
const TIME_BYTES = 6;
const SIGNATURE_BYTES = 32;

/** @param previousKeys Secret keys whose links are still accepted while the key is rotated. */
export function createDecisionLinks(secretKey: string, previousKeys: string[] = []): DecisionLinks {
  const key = linkKey(secretKey);
  const keys = [key, ...previousKeys.map(linkKey)];
  return {
    make({ deliveryId, expiresAt }) {
      const id = /^dlv_([0-9a-f]{32})$/.exec(deliveryId)?.[1];
      if (id === undefined) return undefined;
      const content = Buffer.alloc(ID_BYTES + TIME_BYTES);
      content.write(id, 'hex');
      content.writeUIntBE(Math.floor(expiresAt.getTime() / 1000), ID_BYTES, TIME_BYTES);
      return Buffer.concat([content, signature(key, content)]).toString('base64url');
    },

    read(text) {
      const bytes = Buffer.from(text, 'base64url');
      if (bytes.length !== ID_BYTES + TIME_BYTES + SIGNATURE_BYTES || bytes.toString('base64url') !== text) return undefined;
      const content = bytes.subarray(0, ID_BYTES + TIME_BYTES);
      const given = bytes.subarray(ID_BYTES + TIME_BYTES);
      if (!keys.some((each) => timingSafeEqual(signature(each, content), given))) return undefined;
      return {
        deliveryId: `dlv_${content.toString('hex', 0, ID_BYTES)}`,
        expiresAt: new Date(content.readUIntBE(ID_BYTES, TIME_BYTES) * 1000),
      };
    },
  };
}

function linkKey(secretKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secretKey, '', 'herald decision link', 32));
}

function signature(key: Buffer, content: Buffer): Buffer {
  return createHmac('sha256', key).update(content).digest();
}
