import { createHash } from 'node:crypto';

/** The page's looks, light or dark as the reader's system has it. */
export const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#ddd, #3a3a3a); --soft: light-dark(#f6f6f4, #1d1f21); }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 640px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 22px; margin: 0 0 4px; } p { margin: 0 0 16px; } .soft { opacity: .7; font-size: 14px; } .question { font-size: 19px; font-weight: 600; margin: 20px 0; }
form { margin: 24px 0; }
dl { border: 1px solid var(--line); border-radius: 8px; padding: 4px 16px; margin: 20px 0; }
dt { font-size: 13px; opacity: .7; margin-top: 10px; } dd { margin: 0 0 10px; white-space: pre-wrap; overflow-wrap: anywhere; }
label { display: block; font-size: 14px; margin-bottom: 12px; }
input, textarea { display: block; width: 100%; font: inherit; padding: 8px 10px; border: 1px solid var(--line); border-radius: 6px; background: var(--soft); }
button { font: inherit; font-weight: 600; padding: 9px 22px; border: 0; border-radius: 6px; color: #fff; cursor: pointer; margin-right: 10px; }
.approve { background: #0a7d33; } .reject { background: #c0232c; }
`;

/** Lets this style in and nothing else: no script, no picture, no frame, no address but the page's own for the form. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');
