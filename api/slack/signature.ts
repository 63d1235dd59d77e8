import { createHmac, timingSafeEqual } from 'node:crypto';

/** Older requests are refused, as Slack recommends. */
const MAX_AGE_S = 5 * 60;

export interface SlackSignature {
  /** Seconds since 1970. */
  timestamp: number;
  /** `v0=…` */
  signature: string;
}

/**
 * The headers with which Slack signs its requests; undefined when they are missing or from another time.
 * https://docs.slack.dev/authentication/verifying-requests-from-slack
 */
export function readSlackSignature(headers: { timestamp?: string; signature?: string }, nowMs: number): SlackSignature | undefined {
  const { timestamp = '', signature = '' } = headers;
  if (!/^\d{1,12}$/.test(timestamp) || !/^v0=[0-9a-f]{64}$/.test(signature)) return undefined;
  return Math.abs(nowMs / 1000 - Number(timestamp)) <= MAX_AGE_S ? { timestamp: Number(timestamp), signature } : undefined;
}

/** Whether Slack signed the body with the app's signing secret. */
export function isSignedBySlack(secret: string, { timestamp, signature }: SlackSignature, body: Buffer): boolean {
  return timingSafeEqual(Buffer.from(slackSignature(secret, timestamp, body)), Buffer.from(signature));
}

export function slackSignature(secret: string, timestamp: number, body: Buffer): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest('hex')}`;
}
