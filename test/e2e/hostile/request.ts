import { Agent, request } from 'node:http';

export interface RawRequest {
  method: string;
  /** With query; percent-encoded where it must be. */
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
}

export interface RawAnswer {
  status: number;
  type: string;
  text: string;
}

/** However bad a request is, its answer must begin within this time. */
const PATIENCE_MS = 10_000;

/** Sends requests as they are: no client in between corrects them. @throws Error when there is no answer in time. */
export function createSender(url: string): { send: (raw: RawRequest) => Promise<RawAnswer>; close: () => void } {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });

  function send({ method, path, headers, body }: RawRequest): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(body.length) };
      const outgoing = request({ hostname, port, agent, method: method.toUpperCase(), path, headers: { ...length, ...headers } });
      const late = setTimeout(() => outgoing.destroy(new Error(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
      outgoing.on('error', (error) => {
        clearTimeout(late);
        reject(error);
      });
      outgoing.on('response', (incoming) => {
        const status = incoming.statusCode ?? 0;
        const type = incoming.headers['content-type'] ?? '';
        const end = (text: string) => {
          clearTimeout(late);
          resolve({ status, type, text });
        };
        // A stream has no end; that it begins is enough.
        if (type.startsWith('text/event-stream')) {
          end('');
          outgoing.destroy();
          return;
        }
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => end(Buffer.concat(chunks).toString()));
        incoming.on('error', reject);
      });
      outgoing.end(body);
    });
  }

  return { send, close: () => agent.destroy() };
}
