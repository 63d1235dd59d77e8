import { defaultTimeoutS } from '../../../model/deliverySettings.ts';
import type { AttemptResult, JsonObject } from '../../../model/types.ts';
import { delivered, failed, statusLine, unanswered } from '../attempt.ts';
import type { Message, Rendered, SendIo } from '../channel.ts';
import { signatureHeader } from '../signing.ts';
import { activeSigningSecrets, readConfig, readSecrets } from './config.ts';

const defaultTimeoutMs = defaultTimeoutS * 1000;

/** Signs and sends one attempt. Success is a 2xx; 410 means the endpoint is gone for good; all else may pass (Standard Webhooks). */
export async function sendWebhook(
  rendered: Rendered,
  message: Message,
  config: JsonObject,
  secrets: JsonObject,
  io: SendIo,
): Promise<AttemptResult> {
  const { url, asteroid_signature } = readConfig(config);
  const opened = readSecrets(secrets);
  const now = io.now();
  const body = JSON.stringify(rendered.body);
  const timestamp = Math.floor(now.getTime() / 1000);
  const response = await io.http.post({
    url,
    headers: {
      ...opened.headers,
      ...rendered.headers,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureHeader(activeSigningSecrets(opened, now), message.deliveryId, timestamp, body),
      ...(asteroid_signature && { 'x-asteroid-signature': await io.signRsa(body) }),
    },
    body,
    timeoutMs: io.timeoutMs ?? defaultTimeoutMs,
  });
  if (response.kind !== 'answered') return unanswered(response);
  const { statusCode } = response;
  if (statusCode >= 200 && statusCode < 300) return delivered(response);
  if (statusCode === 410) return failed(response, 'gone', 'answered 410 Gone: the endpoint wants no more messages');
  if (statusCode >= 300 && statusCode < 400) {
    return failed(response, 'retryable', `answered ${statusLine(statusCode)}: redirects are not followed; set the url to where it leads`);
  }
  return failed(response, 'retryable', `answered ${statusLine(statusCode)}`);
}
