import type { Context } from 'hono';
import type { Json } from '../model/types.ts';
import type { ApiEnv } from './dependencies.ts';
import { parseJson } from './json.ts';
import { badRequest, tooLarge, unsupportedMediaType } from './problems.ts';

/** A session's workflow carries its metadata all along, and the Temporal server takes 2 MiB at a time. */
const MAX_METADATA_BYTES = 512 * 1024;

export interface JsonBody {
  value: Json;
  /** Size of the whole body. */
  bytes: number;
}

/** Reads and parses the body. Throws 413 as soon as it exceeds `maxBytes`, 400 when it is not JSON or too deep. */
export async function readJson(c: Context<ApiEnv>, maxBytes: number): Promise<JsonBody> {
  const body = await readBytes(c, maxBytes);
  return { value: parseJson(body.toString('utf8')), bytes: body.length };
}

/** Reads the body, and stops as soon as it exceeds `maxBytes`. */
export async function readBytes(c: Context<ApiEnv>, maxBytes: number): Promise<Buffer> {
  const incoming = c.env?.incoming;
  const header = (name: string) => (incoming ? incoming.headers[name] : c.req.header(name));
  const encoding = header('content-encoding') ?? 'identity';
  if (encoding !== 'identity') throw unsupportedMediaType(`Content-Encoding ${String(encoding)} is not supported. Send the body as it is.`);
  if (Number(header('content-length') ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
  return incoming ? readIncoming(incoming, maxBytes) : readStream(c.req.raw.body, maxBytes);
}

/** Node's own stream: the web stream around it costs more than the rest of a request. */
function readIncoming(incoming: NonNullable<ApiEnv['Bindings']['incoming']>, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) {
        chunks.push(chunk);
      } else {
        incoming.off('data', onData);
        reject(bodyTooLarge(maxBytes));
      }
    };
    const onEarlyEnd = () => reject(cutShort());
    if (incoming.destroyed) onEarlyEnd();
    incoming.on('data', onData);
    incoming.once('error', onEarlyEnd);
    incoming.once('close', onEarlyEnd);
    incoming.once('end', () => {
      incoming.off('close', onEarlyEnd);
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    });
  });
}

async function readStream(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw bodyTooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Throws 413 when a session would have more metadata than its workflow can carry. */
export function requireFittingMetadata(metadata: Record<string, string>): void {
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= MAX_METADATA_BYTES) return;
  const sources = 'from metadata, and from tags of the form key:value';
  throw tooLarge(`metadata: the session's pairs (${sources}) would have ${bytes} bytes together, and ${MAX_METADATA_BYTES} are possible. Send fewer or shorter ones.`, 'metadata');
}

function bodyTooLarge(maxBytes: number) {
  return tooLarge(`The body is larger than ${maxBytes} bytes. Send it in several requests.`);
}

function cutShort() {
  return badRequest(undefined, 'The connection closed before the whole body had arrived.');
}
