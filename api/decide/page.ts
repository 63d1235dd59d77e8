import { messageDetail } from '../../model/messageText.ts';
import type { Json, JsonObject } from '../../model/types.ts';
import type { AskedMessage } from '../../store/askedMessages.ts';
import type { Confirmation } from '../../store/confirmations.ts';
import { escapeHtml } from '../html.ts';
import { STYLE } from './style.ts';

const MAX_FIELDS = 40;
const MAX_TEXT = 4000;

/** What is asked, and the form that answers it. */
export function questionPage({ agentName, sessionId, metadata }: AskedMessage, { asked, askedAt, expiresAt, onTimeout }: Confirmation, problem?: string): string {
  const { confirmation_id: _, timeout_s: __, on_timeout: ___, ...fields } = asked;
  const question = messageDetail(asked);
  // What is short enough to be shown whole above is not repeated below.
  const rest = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== question));
  return page(
    `${agentName} asks for a decision`,
    `<h1>${escapeHtml(agentName)} asks for a decision</h1>
<p class="soft">Session ${escapeHtml(sessionId)}, asked ${time(askedAt)}</p>
${problem === undefined ? '' : `<p role="alert"><b>${escapeHtml(problem)}</b></p>`}
${question === '' ? '' : `<p class="question">${escapeHtml(question)}</p>`}
${list(rest)}${list(metadata)}
<form method="post">
<label>Your name <input name="name" maxlength="100" autocomplete="name"></label>
<label>Reason <textarea name="reason" rows="2" maxlength="1000"></textarea></label>
<button class="approve" name="decision" value="approve">Approve</button>
<button class="reject" name="decision" value="reject">Reject</button>
</form>
<p class="soft">${expiresAt === null ? '' : `Without an answer ${outcomes[onTimeout]} on ${time(expiresAt)}. `}The answer is final, and this link works once.</p>`,
  );
}

const outcomes = { approve: 'it counts as approved', reject: 'it counts as rejected', cancel: 'the session is cancelled' } as const;
const answers = { approved: 'Approved', rejected: 'Rejected', cancelled: 'Not needed any more', pending: 'Open' } as const;

/** What became of the question. */
export function answeredPage(confirmation: Confirmation, how: 'now' | 'by this link' | 'elsewhere'): string {
  const { status, decidedBy, reason, closedAt } = confirmation;
  const who = decidedBy === null ? '' : decidedBy === 'timeout' ? ', because nobody answered in time' : ` by ${decidedBy}`;
  const intros = { now: 'Your answer is recorded.', 'by this link': 'This link has been used.', elsewhere: 'This question has been answered already.' };
  const intro = how === 'elsewhere' && status === 'cancelled' ? 'This question waits for no answer any more.' : intros[how];
  return page(
    answers[status],
    `<h1>${answers[status]}${escapeHtml(who)}</h1>
<p>${intro}</p>
${reason === null || reason.trim() === '' ? '' : list({ Reason: reason })}
${closedAt === null ? '' : `<p class="soft">${time(closedAt)}, session ${escapeHtml(confirmation.sessionId)}</p>`}`,
  );
}

/** A page that only says something. */
export function noticePage(title: string, text: string): string {
  return page(title, `<h1>${escapeHtml(title)}</h1>\n<p>${escapeHtml(text)}</p>`);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body><main>
${body}
</main></body>
</html>`;
}

function list(fields: JsonObject): string {
  const rows = Object.entries(fields).filter(([, value]) => value !== null && value !== '');
  if (rows.length === 0) return '';
  const shown = rows.slice(0, MAX_FIELDS).map(([name, value]) => `<dt>${escapeHtml(cut(name))}</dt><dd>${escapeHtml(cut(readable(value)))}</dd>`);
  const left = rows.length - shown.length;
  return `<dl>${shown.join('')}${left > 0 ? `<dd>and ${left} more fields</dd>` : ''}</dl>`;
}

function readable(value: Json): string {
  return typeof value === 'object' ? JSON.stringify(value, null, 2) : String(value);
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT).toWellFormed()}… (${text.length - MAX_TEXT} more characters)`;
}

function time(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
