import { once } from 'node:events';
import { createServer, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeArrival } from './describe.ts';
import type { ReceiverOptions } from './options.ts';
import { signatureVerdict } from './verify.ts';

/**
 * Listens on 127.0.0.1 and prints every message that arrives.
 * @throws Error with one sentence when the port is taken
 */
export async function listen(options: ReceiverOptions, print: (text: string) => void): Promise<{ port: number; server: Server }> {
  const seen = new Map<string, number>();

  async function receive(request: IncomingMessage): Promise<void> {
    const body = await readBody(request);
    const headers = {
      id: header(request, 'webhook-id'),
      timestamp: header(request, 'webhook-timestamp'),
      signature: header(request, 'webhook-signature'),
    };
    const at = new Date();
    const seenBefore = seen.get(headers.id) ?? 0;
    if (headers.id) seen.set(headers.id, seenBefore + 1);
    const signature = signatureVerdict(headers, body, options.secrets, at);
    const after = options.delayMs > 0 ? ` after ${options.delayMs} ms` : '';
    const answer = `${options.status} ${STATUS_CODES[options.status] ?? ''}`.trim() + after;
    print(describeArrival({ at, id: headers.id, seenBefore, signature, answer, body }));
    if (options.delayMs > 0) await sleep(options.delayMs);
  }

  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('A receiver for Herald. It takes POST requests.\n');
      return;
    }
    receive(request).then(
      () => response.writeHead(options.status).end(),
      () => response.destroy(),
    );
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${options.port} is in use: stop what listens there, or choose another with --port.`);
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : options.port };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(request, 'end');
  return Buffer.concat(chunks).toString('utf8');
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}
