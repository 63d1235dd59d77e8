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
