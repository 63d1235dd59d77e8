import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants, createServer, type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** Calls to the Temporal server that fail. */
export interface TemporalFault {
  /** Name of the call: `SignalWithStartWorkflowExecution`. */
  call: string;
  /**
   * `unheard`: the server never sees the call. `unanswered`: it carries it out, and the caller never learns of it.
   * `refused`: the caller may not make it.
   */
  breaks: 'unheard' | 'unanswered' | 'refused';
  /** Only calls whose request, or whose answer when it is `unanswered`, holds this text, or all of these. */
  about?: string | string[];
}

/** Stands between a process and the Temporal server, and breaks calls at the worst moment. */
export interface TemporalProxy {
  /** host:port */
  address: string;
  /** Breaks the next such call. Resolves when it has happened. */
  breakOnce(fault: TemporalFault): Promise<void>;
  /** Breaks every such call until told to stop. */
  breakAll(fault: TemporalFault): { stop: () => void; count: () => number };
  close(): Promise<void>;
}

/** gRPC's code, as a header. */
const PERMISSION_DENIED = '7';

type Armed = TemporalFault & { happened: () => void };

/** @param address host:port of the server */
export async function startTemporalProxy(address: string): Promise<TemporalProxy> {
  const armed = new Set<Armed>();
  const sessions = new Set<Http2Session>();
  const server = createServer();

  server.on('session', (client) => {
    const upstream = connect(`http://${address}`);
    for (const session of [client, upstream]) {
      sessions.add(session);
      session.on('error', () => session.destroy());
      session.on('close', () => {
        sessions.delete(session);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      void pass(stream, headers, upstream, armed);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    breakOnce: (fault) =>
      new Promise((resolve) => {
        const single: Armed = {
          ...fault,
          happened: () => {
            armed.delete(single);
            resolve();
          },
        };
        armed.add(single);
      }),
    breakAll(fault) {
      let count = 0;
      const always: Armed = { ...fault, happened: () => (count += 1) };
      armed.add(always);
      return { stop: () => armed.delete(always), count: () => count };
    },
    async close() {
      server.close();
      for (const session of sessions) session.destroy();
      if (server.listening) await once(server, 'close');
    },
  };
}

/** One call: every one that Herald makes has one message each way. */
async function pass(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, upstream: ClientHttp2Session, armed: Set<Armed>): Promise<void> {
  const request = await whole(stream);
  const name = String(headers[':path']).split('/').at(-1);
  const fault = (breaks: TemporalFault['breaks'], ...said: Buffer[]) =>
    [...armed].find((each) => each.call === name && each.breaks === breaks && said.some((message) => isAbout(message, each.about)));
  const refused = fault('refused', request);
  if (refused) {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': PERMISSION_DENIED, 'grpc-message': 'Request unauthorized.' }, { endStream: true });
    return refused.happened();
  }
  const unheard = fault('unheard', request);
  if (unheard) return breakOff(stream, unheard);

  const call = upstream.request(headers);
  call.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  stream.on('close', () => call.close(constants.NGHTTP2_CANCEL));
  let trailers: IncomingHttpHeaders | undefined;
  call.on('trailers', (given) => {
    trailers = given;
  });
  const answered = once(call, 'response') as Promise<[IncomingHttpHeaders, number]>;
  call.end(request);
  try {
    const [[answerHeaders], answer] = await Promise.all([answered, whole(call)]);
    const unanswered = fault('unanswered', request, answer);
    if (unanswered) return breakOff(stream, unanswered);
    if (stream.destroyed) return;
    stream.respond(answerHeaders, { endStream: trailers === undefined, waitForTrailers: trailers !== undefined });
    if (trailers === undefined) return;
    stream.on('wantTrailers', () => stream.sendTrailers(trailers!));
    stream.end(answer);
  } catch {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/** A message of gRPC: whether it is compressed, its length, and itself. */
function isAbout(message: Buffer, about: string | string[] | undefined): boolean {
  if (about === undefined) return true;
  const content = message[0] === 1 ? gunzipSync(message.subarray(5)) : message;
  return [about].flat().every((text) => content.includes(text));
}

function breakOff(stream: ServerHttp2Stream, fault: Armed): void {
  stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  fault.happened();
}

async function whole(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
