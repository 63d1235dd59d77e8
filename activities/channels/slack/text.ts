import type { JsonObject } from '../../../model/types.ts';

/** Slack's own escaping: the three characters that begin links, mentions and entities. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Escapes and cuts with … so that the escaped text has at most `limit` characters; no character is cut in half. */
export function escapeAndCut(text: string, limit: number): string {
  const whole = escapeText(text);
  if (whole.length <= limit) return whole;
  let kept = '';
  for (const character of text) {
    const escaped = escapeText(character);
    if (kept.length + escaped.length > limit - 1) break;
    kept += escaped;
  }
  return `${kept.trimEnd()}…`;
}

/** Text of a block that is shown as it is: markup and mentions in it are characters. */
export function plain(text: string, limit: number): JsonObject {
  return { type: 'plain_text', text: escapeAndCut(text.trim() || '–', limit), emoji: true };
}

/** `2024-03-14 12:05:00 UTC` */
export function readableTime(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}

/** A URL inside `<…|label>`, which it must not be able to end. */
export function linkTarget(url: string): string {
  return escapeText(url).replaceAll('|', '%7C');
}
