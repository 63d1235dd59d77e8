import { spacedEventName } from './events.ts';
import { textOf } from './payload.ts';
import type { Json, JsonObject } from './types.ts';

const maxDetailLength = 200;

/** One line that says what happened: `🔴 Execution Failed - Payment gateway timeout` (DESIGN "Messages"). */
export function messageText(type: string, payload: JsonObject): string {
  const headline = `${emojiOf(type, payload)} ${spacedEventName(type)}`;
  const detail = messageDetail(payload);
  return detail === '' ? headline : `${headline} - ${detail}`;
}

/** Colour of an event: 🔴 failed or disabled, 🟢 completed with success, 🟡 completed otherwise, in trouble or waiting for somebody, ⚪ cancelled, 🔵 the rest. */
export function emojiOf(type: string, payload: JsonObject): string {
  switch (type) {
    case 'ExecutionFailed':
    case 'ExecutionActionFailed':
    case 'IntegrationDisabled':
      return '🔴';
    case 'ExecutionCompleted':
      return isSuccess(payload.outcome) ? '🟢' : '🟡';
    case 'ExecutionAwaitingConfirmation':
    case 'IntegrationFailing':
      return '🟡';
    case 'ExecutionCancelled':
      return '⚪';
    default:
      return '🔵';
  }
}

function isSuccess(outcome: Json | undefined): boolean {
  return typeof outcome === 'string' && outcome.toLowerCase() === 'success';
}

/** First line of the payload's reason, reasoning, message or result, at most 200 characters; empty when it has none. */
export function messageDetail(payload: JsonObject): string {
  for (const field of ['reason', 'reasoning', 'message', 'result']) {
    const line = firstLine(shortText(own(payload, field)));
    if (line !== '') return cutAt(line, maxDetailLength);
  }
  return '';
}

/** Text as it is; of an object the field that explains it, else its fields, those with text first. */
function shortText(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'object') return textOf(value);
  if (Array.isArray(value)) return value.map(shortText).filter((text) => text !== '').join(', ');
  for (const field of ['reason', 'reasoning', 'message', 'summary', 'text']) {
    const text = own(value, field);
    if (typeof text === 'string' && text.trim() !== '') return text;
  }
  const fields = Object.entries(value).filter(([, content]) => content !== null && content !== '');
  const withText = fields.filter(([, content]) => typeof content === 'string');
  const others = fields.filter(([, content]) => typeof content !== 'string');
  return [...withText, ...others].map(([key, content]) => `${key}: ${firstLine(textOf(content))}`).join(', ');
}

function firstLine(text: string): string {
  return text.trim().split(/[\r\n]/, 1)[0]!.trim();
}

/** By code points, so that no character is cut in half. */
function cutAt(text: string, length: number): string {
  if (text.length <= length) return text;
  const points = Array.from(text.slice(0, 2 * length + 2));
  return points.length <= length ? text : `${points.slice(0, length - 1).join('').trimEnd()}…`;
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
