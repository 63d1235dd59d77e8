import type { Dispatcher } from 'undici';
import { connectionSentence, ForbiddenAddressError } from './connectError.ts';
import { retryAfterMs } from './retryAfter.ts';

/** How much of an answer's body is kept with the attempt, and read unless a request asks for more. */
export const keptResponseBytes = 4096;

/** What became of a request: it was answered, nobody answered, or it may never be sent. */
export type OutgoingResponse =
  /** `isCut`: there was more of the body than was to be read. */
  | { kind: 'answered'; statusCode: number; body: string; isCut?: true; retryAfterMs?: number; durationMs: number }
  | { kind: 'unreachable'; error: string; durationMs: number }
  | { kind: 'forbidden'; error: string; durationMs: number };

interface ExchangeLimits {
  timeoutMs: number;
  maxResponseBytes?: number;
}

/**
 * One request and its answer, as undici's handler. It settles exactly once: at the end of the answer, when enough of
 * its body has been read, at the first error or when time is up. The status line decides: an answer whose body never
 * ends is an answer.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #host: string;
  readonly #settle: (response: OutgoingResponse) => void;
  readonly #maxBytes: number;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  #settled = false;
  #controller: Dispatcher.DispatchController | undefined;
  #statusCode = 0;
  #retryAfter: string | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(host: string, limits: ExchangeLimits, settle: (response: OutgoingResponse) => void) {
    const { timeoutMs, maxResponseBytes = keptResponseBytes } = limits;
    this.#host = host;
    this.#maxBytes = maxResponseBytes;
    this.#settle = settle;
    this.#timer = setTimeout(() => this.#giveUp(`${host} did not answer within ${timeoutMs / 1000} s`), timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(new Error('time was up before the request could be sent'));
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: Record<string, string | string[] | undefined>): void {
    if (statusCode < 200) return;
    this.#statusCode = statusCode;
    const retryAfter = headers['retry-after'];
    this.#retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#maxBytes) return;
    this.#end();
    controller.abort(new Error('enough of the answer has been read'));
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#statusCode > 0) this.#end();
    else if (error instanceof ForbiddenAddressError) this.#finish({ kind: 'forbidden', error: error.message });
    else this.#finish({ kind: 'unreachable', error: connectionSentence(error, this.#host) });
  }

  #giveUp(reason: string): void {
    if (this.#statusCode > 0) this.#end();
    else this.#finish({ kind: 'unreachable', error: reason });
    this.#controller?.abort(new Error(reason));
  }

  #end(): void {
    const retryAfter = retryAfterMs(this.#retryAfter, new Date());
    this.#finish({
      kind: 'answered',
      statusCode: this.#statusCode,
      body: readableText(Buffer.concat(this.#chunks), this.#maxBytes),
      ...(this.#bytes > this.#maxBytes && { isCut: true }),
      ...(retryAfter !== undefined && { retryAfterMs: retryAfter }),
    });
  }

  #finish(response: WithoutDuration<OutgoingResponse>): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#settle({ ...response, durationMs: Math.round(performance.now() - this.#startedAt) });
  }
}

type WithoutDuration<T> = T extends unknown ? Omit<T, 'durationMs'> : never;

/** The kept part as text that Postgres can store: no half character at the cut, no NUL. */
function readableText(bytes: Buffer, maxBytes: number): string {
  const cut = bytes.length > maxBytes;
  const text = new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: cut });
  return text.replaceAll('\0', '\uFFFD');
}
