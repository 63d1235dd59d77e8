import { z } from 'zod';
import type { AttemptResult, JsonObject } from '../../../model/types.ts';
import { delivered, failed, statusLine, unanswered } from '../attempt.ts';
import type { Message, Rendered, SendIo } from '../channel.ts';
import type { OutgoingResponse } from '../http.ts';
import { isChannelId, readConfig, readSecrets } from './config.ts';
import { slackFailure } from './errors.ts';
import { joinChannel } from './join.ts';
import { type ApiAnswer, defaultTimeoutMs, isTransient, openWebApi, type WebApi } from './webApi.ts';

type Answer = Extract<OutgoingResponse, { kind: 'answered' }>;

/** One attempt, through the incoming webhook or as the app. */
export async function sendSlack(
  rendered: Rendered,
  message: Message,
  config: JsonObject,
  secrets: JsonObject,
  io: SendIo,
): Promise<AttemptResult> {
  const opened = readSecrets(secrets);
  if ('webhook_url' in opened) {
    const { timeoutMs = defaultTimeoutMs } = io;
    const body = JSON.stringify(rendered.body);
    const response = await io.http.post({ url: opened.webhook_url, headers: rendered.headers, body, timeoutMs });
    return response.kind === 'answered' ? judgeWebhook(response) : unanswered(response);
  }
  const sent = await postMessage(openWebApi(config, opened.bot_token, io), rendered, config);
  if (!sent.ok) return sent.result;
  const { channel, ts } = sent.body;
  if (typeof channel !== 'string') return sent.result;
  const result = isChannelId(channel) ? { ...sent.result, channelId: channel } : sent.result;
  return message.confirmation && typeof ts === 'string' ? { ...result, reference: { channel, ts } } : result;
}

/** Posts, and joins a public channel first where the app is not in it yet. */
async function postMessage(api: WebApi, rendered: Rendered, config: JsonObject): Promise<ApiAnswer> {
  const { channel } = messageBody.parse(rendered.body);
  if (channel === undefined) return noChannel();
  const sent = await api.write('chat.postMessage', rendered.body);
  if (sent.ok || sent.code !== 'not_in_channel' || readConfig(config).join_public_channels === false) return sent;
  const joined = await joinChannel(api, channel);
  if (joined.ok) return api.write('chat.postMessage', rendered.body);
  return joined.result.kind === 'retryable' ? joined : sent;
}

const messageBody = z.looseObject({ channel: z.string().optional() });

function noChannel(): ApiAnswer {
  const error = 'neither the integration nor the notification names a channel; set config.channel of the integration';
  return { ok: false, result: { ok: false, kind: 'permanent', error, statusCode: null, response: null, durationMs: 0 } };
}

/** Shows a sent message anew, as the app. */
export async function updateSlack(rendered: Rendered, reference: JsonObject, config: JsonObject, secrets: JsonObject, io: SendIo): Promise<AttemptResult> {
  const opened = readSecrets(secrets);
  if ('webhook_url' in opened) {
    const error = 'the integration has become an incoming webhook, which cannot change the messages of an app';
    return { ok: false, kind: 'permanent', error, statusCode: null, response: null, durationMs: 0 };
  }
  const { channel = null, ts = null } = reference;
  const updated = await openWebApi(config, opened.bot_token, io).write('chat.update', { ...(rendered.body as JsonObject), channel, ts });
  return updated.result;
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

function isSuccess({ statusCode }: Answer): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function isLost({ statusCode }: Answer): boolean {
  return statusCode === 404 || statusCode === 410;
}
