import { z } from 'zod';
import type { JsonObject } from '../../../model/types.ts';
import { urlFormProblem } from '../address.ts';
import type { Destination, StoredConfig } from '../channel.ts';
import { mergePatch } from '../mergePatch.ts';
import { newSigningSecret } from '../signing.ts';
import { strictConfig } from '../strictConfig.ts';
import { headerProblems } from './headers.ts';

export const webhookInput = strictConfig({
  url: z
    .string('must be the URL that receives the messages, such as https://hooks.example.com/herald')
    .max(2048, 'must be at most 2048 characters long')
    .superRefine((url, context) => {
      const problem = urlFormProblem(url);
      if (problem) context.addIssue({ code: 'custom', message: problem });
    })
    .describe('Where messages are sent: always a POST with a JSON body.'),
  headers: z
    .record(z.string(), z.string('must be text'), 'must be an object of header names and their values')
    .superRefine((headers, context) => {
      for (const { name, problem } of headerProblems(headers)) {
        context.addIssue({ code: 'custom', path: name === undefined ? [] : [name], message: problem });
      }
    })
    .optional()
    .describe('Headers sent with every message, for example Authorization. Values are stored encrypted and never shown again.'),
  unwrap_result: z
    .boolean('must be true or false')
    .default(false)
    .describe('For ExecutionCompleted, send only the result of the payload instead of the whole envelope.'),
  asteroid_signature: z
    .boolean('must be true or false')
    .default(false)
    .describe('Sign with X-Asteroid-Signature (RSA) too, for endpoints written for Asteroid. The public key: /.well-known/herald/webhook-public-key.pem'),
}).describe('A webhook: messages in the V2 envelope, signed as Standard Webhooks.');

/** So that the header with their signatures stays short. */
const mostOverlapping = 9;

const webhookConfig = z.object({
  url: z.string(),
  header_names: z.array(z.string()),
  unwrap_result: z.boolean(),
  asteroid_signature: z.boolean().default(false),
});

const signingSecret = z.object({
  secret: z.string(),
  /** ISO 8601; from then on messages are no longer signed with it. Absent: for good. */
  until: z.string().optional(),
});

const webhookSecrets = z.object({
  signing: z.array(signingSecret),
  headers: z.record(z.string(), z.string()),
});

export type WebhookConfig = z.infer<typeof webhookConfig>;
export type WebhookSecrets = z.infer<typeof webhookSecrets>;

export const readConfig = (config: JsonObject): WebhookConfig => webhookConfig.parse(config);
export const readSecrets = (secrets: JsonObject): WebhookSecrets => webhookSecrets.parse(secrets);

export function splitWebhook(input: JsonObject, signing = [{ secret: newSigningSecret() }]): StoredConfig {
  const { url, headers = {}, unwrap_result, asteroid_signature } = webhookInput.parse(input);
  return {
    config: { url, header_names: Object.keys(headers), unwrap_result, asteroid_signature },
    secrets: { signing, headers },
  };
}

/** The signing secrets survive; a header set to null is removed, others are kept. */
export function mergeWebhook(current: StoredConfig, patch: JsonObject): StoredConfig {
  const { header_names: _, ...shown } = readConfig(current.config);
  const { signing, headers } = readSecrets(current.secrets);
  return splitWebhook(mergePatch({ ...shown, headers }, patch), signing);
}

export function webhookDestinations(config: JsonObject): Destination[] {
  return [{ field: 'url', url: readConfig(config).url }];
}

/** The secrets to sign with now, the newest first. */
export function activeSigningSecrets(secrets: WebhookSecrets, now: Date): string[] {
  const active = secrets.signing.filter(({ until }) => until === undefined || Date.parse(until) > now.getTime());
  return active.map(({ secret }) => secret);
}

/** Puts a new signing secret in front; the ones before it sign along for `overlapMs`, or less if they were on their way out. */
export function rotateSigningSecret(stored: JsonObject, now: Date, overlapMs: number): JsonObject {
  const secrets = readSecrets(stored);
  const overlapEnd = new Date(now.getTime() + overlapMs).toISOString();
  const previous = secrets.signing.map(({ secret, until = overlapEnd }) => ({ secret, until: until < overlapEnd ? until : overlapEnd }));
  const overlapping = previous.filter(({ until }) => Date.parse(until) > now.getTime()).slice(0, mostOverlapping);
  return { ...secrets, signing: [{ secret: newSigningSecret() }, ...overlapping] };
}
