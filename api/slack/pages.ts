import { escapeHtml } from '../html.ts';

/** Pages for a browser that nobody else may frame, and whose address goes nowhere. */
export const pageHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
} as const;

/** A heading, paragraphs, and a link to go on with. */
export function slackPage(title: string, texts: string[], link?: { url: string; label: string }): string {
  const paragraphs = texts.map((text) => `<p>${escapeHtml(text)}</p>`).join('\n');
  const button = link ? `<p><a class="button" href="${escapeHtml(link.url)}">${escapeHtml(link.label)}</a></p>` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem; color: #1d2433; }
.button { display: inline-block; padding: .6rem 1.2rem; border-radius: .4rem; background: #2e7cf6; color: #fff; text-decoration: none; }
</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${paragraphs}
${button}
</body>
</html>`;
}
