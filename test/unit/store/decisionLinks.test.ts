import { describe, expect, it } from 'vitest';
import { createDecisionLinks } from '../../../store/decisionLinks.ts';

const deliveryId = `dlv_${'0123456789abcdef'.repeat(2)}`;
const expiresAt = new Date('2026-03-14T12:00:00.000Z');

describe('a decision link', () => {
  const links = createDecisionLinks('first secret key of an installation');

  it('stands for one message until its end, and is the same whoever makes it', () => {
    const text = links.make({ deliveryId, expiresAt })!;
    expect(text).toMatch(/^[\w-]{72}$/);
    expect(links.read(text)).toEqual({ deliveryId, expiresAt });
    expect(createDecisionLinks('first secret key of an installation').make({ deliveryId, expiresAt })).toBe(text);
  });

  it('is nothing once a single character of it is changed', () => {
    const text = links.make({ deliveryId, expiresAt })!;
    for (let at = 0; at < text.length; at += 1) {
      const other = text[at] === 'A' ? 'B' : 'A';
      expect(links.read(text.slice(0, at) + other + text.slice(at + 1)), String(at)).toBeUndefined();
    }
    for (const other of ['', 'x', text.slice(1), `${text}A`, `${text}=`, ` ${text}`, text.replaceAll('-', '+').replaceAll('_', '/').concat('\n')]) expect(links.read(other), other).toBeUndefined();
  });

  it('is read while the key is rotated, and not after', () => {
    const text = links.make({ deliveryId, expiresAt })!;
    expect(createDecisionLinks('second secret key', ['first secret key of an installation']).read(text)).toEqual({ deliveryId, expiresAt });
    expect(createDecisionLinks('second secret key').read(text)).toBeUndefined();
  });

  it('is made only for deliveries that an event asked for', () => {
    expect(links.make({ deliveryId: 'dlv_m8q1w7e5r4t6y0u2i8k3v9x2', expiresAt })).toBeUndefined();
  });
});
