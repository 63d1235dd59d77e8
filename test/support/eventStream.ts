/** One message of a server-sent event stream. */
export interface StreamMessage {
  id: number;
  /** `message` where the stream names none. */
  event: string;
  data: Record<string, unknown>;
  at: Date;
}

/** A client of a stream, as browsers have one. */
export interface StreamClient {
  status: number;
  headers: Headers;
  /** In the order of arrival. */
  messages: StreamMessage[];
  comments: string[];
  /** Resolves when the server ends the stream, or the client has closed it. */
  ended: Promise<void>;
  close(): Promise<void>;
}

export async function openStream(url: string, headers: Record<string, string>): Promise<StreamClient> {
  const closing = new AbortController();
  const response = await fetch(url, { headers: { Accept: 'text/event-stream', ...headers }, signal: closing.signal });
  const messages: StreamMessage[] = [];
  const comments: string[] = [];
  const ended = read(response, (block) => {
    const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
    if (fields.has('')) comments.push(block);
    if (!fields.has('data')) return;
    const data = JSON.parse(fields.get('data')!) as Record<string, unknown>;
    messages.push({ id: Number(fields.get('id')), event: fields.get('event') ?? 'message', data, at: new Date() });
  }).catch((error: unknown) => {
    if (!closing.signal.aborted) throw error;
  });
  return {
    status: response.status,
    headers: response.headers,
    messages,
    comments,
    ended,
    async close() {
      closing.abort();
      await ended;
    },
  };
}

async function read(response: Response, onBlock: (block: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) onBlock(block);
  }
}
