import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import type { Json } from '../model/types.ts';
import type { ApiEnv } from './dependencies.ts';
import { badRequest, tooLarge } from './problems.ts';

/** Deeper JSON is nobody's honest payload, and recursion over it is not safe. */
const MAX_DEPTH = 100;

/** Reads the body and parses it. Throws 413 as soon as it exceeds `maxBytes`, 400 when it is not JSON. */
export async function readJson(c: Context<ApiEnv>, maxBytes: number): Promise<Json> {
  const value = parseJson(await readText(c, maxBytes));
  if (isDeeperThan(value, MAX_DEPTH)) {
    throw badRequest(undefined, `The body is nested more than ${MAX_DEPTH} levels deep.`);
  }
  return value;
}

/** Reads the body as UTF-8, and stops reading as soon as it exceeds `maxBytes`. */
export async function readText(c: Context<ApiEnv>, maxBytes: number): Promise<string> {
  const announced = Number(c.req.header('content-length') ?? 0);
  if (announced > maxBytes) throw bodyTooLarge(maxBytes);
  const incoming = c.env?.incoming;
  return incoming ? readIncoming(incoming as IncomingMessage, maxBytes) : readStream(c.req.raw.body, maxBytes);
}

export function parseJson(text: string): Json {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text) as Json;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badRequest(undefined, text.trim() === '' ? 'The body is empty. Send JSON.' : `The body is not JSON: ${error.message}`);
  }
}

export function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const key in value) {
    if (isDeeperThan((value as Record<string, Json>)[key] as Json, levels - 1)) return true;
  }
  return false;
}

/** Node's own stream: the web stream around it costs more than the rest of a request. */
function readIncoming(incoming: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      incoming.removeAllListeners('data').pause();
      reject(bodyTooLarge(maxBytes));
    });
    incoming.once('end', () => resolve((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8')));
    incoming.once('error', () => reject(cutShort()));
    incoming.once('close', () => reject(cutShort()));
  });
}

async function readStream(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw bodyTooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function bodyTooLarge(maxBytes: number) {
  return tooLarge(`The body is larger than ${maxBytes} bytes. Send it in several requests.`);
}

function cutShort() {
  return badRequest(undefined, 'The connection closed before the whole body had arrived.');
}
