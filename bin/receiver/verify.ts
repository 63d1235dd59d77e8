import { isSignedWith } from '../../activities/channels/signing.ts';

/** A message's identity and signature, from its Standard Webhooks headers. */
export interface SignedHeaders {
  id: string;
  timestamp: string;
  signature: string;
}

const toleranceSeconds = 5 * 60;

/** In words: whether the body is what the holder of a secret signed, and recently. */
export function signatureVerdict(headers: SignedHeaders, body: string, secrets: string[], now: Date): string {
  if (secrets.length === 0) return headers.signature ? 'not checked (give --secret to check it)' : 'not signed';
  if (!headers.signature) return 'INVALID: the message is not signed';
  const timestamp = Number(headers.timestamp);
  const known = secrets.some((secret) => isSignedWith(secret, headers.signature, headers.id, timestamp, body));
  if (!known) return 'INVALID: made with another secret, or the body was changed';
  const ageSeconds = Math.round(now.getTime() / 1000 - timestamp);
  if (Math.abs(ageSeconds) > toleranceSeconds) return `INVALID: signed ${ageSeconds} s ago, which may be a replay`;
  return 'valid';
}
