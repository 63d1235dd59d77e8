import { z } from 'zod';
import type { AttemptResult, JsonObject } from '../../../model/types.ts';
import { delivered, failed, statusLine, unanswered } from '../attempt.ts';
import type { Message, Rendered, SendIo } from '../channel.ts';
import type { OutgoingResponse } from '../http.ts';
import { readConfig, readSecrets, slackApiUrl } from './config.ts';
import { slackFailure } from './errors.ts';

type Answer = Extract<OutgoingResponse, { kind: 'answered' }>;

const defaultTimeoutMs = 15_000;

/** The Web API's answer repeats the whole message and must be read to its end. */
const apiResponseBytes = 256 * 1024;

/** One attempt, through the incoming webhook or as the app. */
export async function sendSlack(
  rendered: Rendered,
  message: Message,
  config: JsonObject,
  secrets: JsonObject,
  io: SendIo,
): Promise<AttemptResult> {
  const opened = readSecrets(secrets);
  const { timeoutMs = defaultTimeoutMs } = io;
  const body = JSON.stringify(rendered.body);
  if ('webhook_url' in opened) {
    const response = await io.http.post({ url: opened.webhook_url, headers: rendered.headers, body, timeoutMs });
    return response.kind === 'answered' ? judgeWebhook(response) : unanswered(response);
  }
  const response = await callApi('chat.postMessage', opened.bot_token, rendered, body, config, io);
  if (response.kind !== 'answered') return unanswered(response);
  const result = judgeApi(response);
  if (!result.ok || !message.confirmation) return result;
  const { channel, ts } = readApiAnswer(response.body);
  return channel === undefined || ts === undefined ? result : { ...result, reference: { channel, ts } };
}

/** Shows a sent message anew, as the app. */
export async function updateSlack(rendered: Rendered, reference: JsonObject, config: JsonObject, secrets: JsonObject, io: SendIo): Promise<AttemptResult> {
  const opened = readSecrets(secrets);
  if ('webhook_url' in opened) {
    const error = 'the integration has become an incoming webhook, which cannot change the messages of an app';
    return { ok: false, kind: 'permanent', error, statusCode: null, response: null, durationMs: 0 };
  }
  const { channel, ts } = reference;
  const body = JSON.stringify({ ...(rendered.body as JsonObject), channel, ts });
  const response = await callApi('chat.update', opened.bot_token, rendered, body, config, io);
  return response.kind === 'answered' ? judgeApi(response) : unanswered(response);
}

function callApi(method: string, token: string, rendered: Rendered, body: string, config: JsonObject, io: SendIo): Promise<OutgoingResponse> {
  return io.http.post({
    url: `${(readConfig(config).api_url ?? slackApiUrl).replace(/\/+$/, '')}/${method}`,
    headers: { ...rendered.headers, authorization: `Bearer ${token}` },
    body,
    timeoutMs: io.timeoutMs ?? defaultTimeoutMs,
    maxResponseBytes: apiResponseBytes,
  });
}

/** Incoming webhooks answer in plain text: `ok`, or the error's code with a status that fits it. */
function judgeWebhook(answer: Answer): AttemptResult {
  const text = answer.body.trim();
  if (isSuccess(answer) && text === 'ok') return delivered(answer);
  if (isTransient(answer)) return failed(answer, 'retryable', `Slack answered ${statusLine(answer.statusCode)}`);
  if (/^[a-z_]{1,60}$/.test(text) && text !== 'ok') {
    const { kind, error } = slackFailure(text);
    return failed(answer, isLost(answer) ? 'permanent' : kind, error);
  }
  if (isLost(answer)) {
    const error = `Slack answered ${statusLine(answer.statusCode)}: the incoming webhook is gone; make a new one and set webhook_url`;
    return failed(answer, 'permanent', error);
  }
  return failed(answer, 'retryable', `Slack answered ${statusLine(answer.statusCode)} without "ok"`);
}

const apiAnswer = z.object({ ok: z.boolean(), error: z.string().optional(), channel: z.string().optional(), ts: z.string().optional() });

/** The Web API answers 200 with `ok: false` for nearly every failure. */
function judgeApi(answer: Answer): AttemptResult {
  if (isTransient(answer)) return failed(answer, 'retryable', `Slack answered ${statusLine(answer.statusCode)}`);
  const { ok, error } = readApiAnswer(answer.body);
  if (ok && isSuccess(answer)) return delivered(answer);
  if (error) {
    const failure = slackFailure(error);
    return failed(answer, failure.kind, failure.error);
  }
  return failed(answer, 'retryable', `Slack answered ${statusLine(answer.statusCode)}, but not as its API does; check api_url`);
}

function readApiAnswer(body: string): z.infer<typeof apiAnswer> {
  try {
    return apiAnswer.parse(JSON.parse(body));
  } catch {
    return { ok: false };
  }
}

function isSuccess({ statusCode }: Answer): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function isTransient({ statusCode }: Answer): boolean {
  return statusCode === 429 || statusCode >= 500;
}

function isLost({ statusCode }: Answer): boolean {
  return statusCode === 404 || statusCode === 410;
}
