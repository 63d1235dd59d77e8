import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { ApiRouter } from './router.ts';

/** Longer than the pauses between an SDK's batches, so that its connection is still there for the next one. */
const KEEP_ALIVE_MS = 75_000;

export interface RunningServer {
  port: number;
  /** Accepts nothing new, answers what is in flight, and after `graceMs` cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** Serves the app. Rejects when the port cannot be listened on; port 0 takes a free one. */
export async function startServer(app: ApiRouter, port: number): Promise<RunningServer> {
  let closing = false;
  const listener = getRequestListener(
    async (request, env) => {
      const response = await app.fetch(request, env);
      if (closing) response.headers.set('Connection', 'close');
      return response;
    },
    { errorHandler: () => Response.json({ error: 'Invalid request', message: 'The address or the Host header cannot be read.' }, { status: 400 }) },
  );
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (incoming, outgoing) => void listener(incoming, outgoing));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    async close(graceMs) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
}
