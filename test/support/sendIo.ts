import type { SendIo } from '../../activities/channels/channel.ts';
import type { OutgoingHttp } from '../../activities/channels/http.ts';

/** What sending needs; a test that signs with RSA brings its own signer. */
export function sendIo(http: OutgoingHttp, changes: Partial<SendIo> = {}): SendIo {
  return { http, now: () => new Date(), signRsa: () => Promise.reject(new Error('no RSA key here')), ...changes };
}
