import { randomBytes } from 'node:crypto';

/** agent, integration, notification, API key, delivery, replay */
export type IdPrefix = 'agt' | 'int' | 'ntf' | 'key' | 'dlv' | 'rpl';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 24;
/** Bytes from here on are thrown away, so that every character is equally likely. */
const FAIR_BYTES = 256 - (256 % ALPHABET.length);

/** A new id such as `agt_4k9x…`: the kind of thing it names, and 24 random lower-case letters and digits (124 bits). */
export function newId(prefix: IdPrefix): string {
  let text = '';
  while (text.length < LENGTH) {
    for (const byte of randomBytes(LENGTH)) {
      if (byte < FAIR_BYTES && text.length < LENGTH) text += ALPHABET.charAt(byte % ALPHABET.length);
    }
  }
  return `${prefix}_${text}`;
}
