import { Pool } from 'undici';

/** What came back; `status` 0 means that nobody answered. */
export interface HttpAnswer {
  status: number;
  body: string;
}

/** Kept-alive connections to one server. */
export interface HttpClient {
  post(path: string, headers: Record<string, string>, body: string): Promise<HttpAnswer>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 30_000;

/** Requests beyond `connections` wait for a free one. */
export function createHttpClient(origin: string, connections: number): HttpClient {
  const pool = new Pool(origin, { connections, pipelining: 1, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
  return {
    post: (path, headers, body) =>
      new Promise((resolve) => {
        let status = 0;
        let text = '';
        pool.dispatch(
          { method: 'POST', path, headers, body },
          {
            onRequestStart: () => undefined,
            onResponseStart: (_, statusCode) => {
              status = statusCode;
            },
            onResponseData: (_, chunk) => {
              text += chunk.toString('latin1');
            },
            onResponseEnd: () => resolve({ status, body: text }),
            onResponseError: (_, error) => resolve({ status: 0, body: error.message }),
          },
        );
      }),
    close: () => pool.close(),
  };
}
