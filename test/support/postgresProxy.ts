import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A statement at which a connection to Postgres breaks. */
export interface PostgresFault {
  /** A part of its text. */
  statement: RegExp;
  /**
   * `unheard`: Postgres never sees the statement. `uncommitted`: it carries it out, and never sees the transaction's
   * commit. `unanswered`: it carries it out for good, and the client never learns of it.
   */
  breaks: 'unheard' | 'uncommitted' | 'unanswered';
}

/** Stands between a process and Postgres, and breaks connections at the worst moment. */
export interface PostgresProxy {
  /** The database's address, through the proxy. */
  url: string;
  /** Breaks one connection, the next time that such a statement is made. Resolves when it has happened. */
  breakOnce(fault: PostgresFault): Promise<void>;
  /** Cuts every connection, and refuses new ones until it is back. */
  goAway(): void;
  /** Passes every answer on so much later. */
  slowDown(ms: number): void;
  /** Passes nothing on any more, without a word: like a network that swallows packets. */
  fallSilent(): void;
  /** New connections work again; those from before are gone, or silent for ever. */
  comeBack(): void;
  close(): Promise<void>;
}

type Armed = PostgresFault & { done: () => void };

export async function startPostgresProxy(databaseUrl: string): Promise<PostgresProxy> {
  const target = new URL(databaseUrl);
  const armed = new Set<Armed>();
  const open = new Set<Socket>();
  let state: 'there' | 'away' | 'silent' = 'there';
  const pace = { answerMs: 0 };
  const hushes = new Set<() => void>();

  const server = createServer((client) => {
    const postgres = connect(Number(target.port), target.hostname);
    const cut = () => {
      client.destroy();
      postgres.destroy();
    };
    for (const socket of [client, postgres]) {
      open.add(socket);
      socket.setNoDelay();
      socket.on('error', cut).on('close', () => {
        open.delete(socket);
        cut();
      });
    }
    const hush = () => {
      for (const socket of [client, postgres]) socket.removeAllListeners('data').resume();
    };
    hushes.add(hush);
    client.on('close', () => hushes.delete(hush));
    if (state === 'away') cut();
    else if (state === 'there') couple(client, postgres, armed, cut, pace);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);

  const cutAll = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: url.href,
    breakOnce: (fault) => new Promise((done) => armed.add({ ...fault, done })),
    goAway() {
      state = 'away';
      cutAll();
    },
    slowDown(ms) {
      pace.answerMs = ms;
    },
    fallSilent() {
      state = 'silent';
      for (const hush of hushes) hush();
    },
    comeBack() {
      state = 'there';
    },
    async close() {
      server.close();
      cutAll();
      if (server.listening) await once(server, 'close');
    },
  };
}

/** Passes on what both say, and knows which statement is under way. */
function couple(client: Socket, postgres: Socket, armed: Set<Armed>, cut: () => void, pace: { answerMs: number }): void {
  const prepared = new Map<string, string>();
  let inTransaction = false;
  /** Waits for the end of the transaction that its statement is part of. */
  let waiting: Armed | undefined;
  /** Postgres' next answer is not passed on. */
  let muted: Armed | undefined;

  /** Whether the statement may be passed on. */
  function hear(statement: string): boolean {
    const commits = /^\s*commit\b/i.test(statement);
    const fault = commits ? waiting : [...armed].find((each) => each.statement.test(statement));
    if (!fault) return true;
    armed.delete(fault);
    if (fault.breaks === 'unheard' || (commits && fault.breaks === 'uncommitted')) return breakWith(fault);
    if (!commits && (inTransaction || fault.breaks === 'uncommitted')) waiting = fault;
    else muted = fault;
    return true;
  }

  function breakWith(fault: Armed): false {
    cut();
    fault.done();
    return false;
  }

  const late: { at: number; whole: Buffer }[] = [];

  function passOn(whole: Buffer): void {
    if (pace.answerMs === 0 && late.length === 0) return void client.write(whole);
    late.push({ at: performance.now() + pace.answerMs, whole });
    if (late.length === 1) setTimeout(passOnLate, pace.answerMs);
  }

  function passOnLate(): void {
    while (late[0] && late[0].at <= performance.now()) client.write(late.shift()!.whole);
    if (late[0]) setTimeout(passOnLate, late[0].at - performance.now());
  }

  client.on('data', messages(false, (type, body, whole) => {
    if (type === 'P') prepared.set(textAt(body, 0), textAt(body, body.indexOf(0) + 1));
    const statement = type === 'Q' ? textAt(body, 0) : type === 'B' ? prepared.get(textAt(body, body.indexOf(0) + 1)) : undefined;
    if (statement === undefined || hear(statement)) postgres.write(whole);
  }));
  postgres.on('data', messages(true, (type, body, whole) => {
    const isReady = type === 'Z';
    if (isReady) inTransaction = body.toString('latin1') !== 'I';
    if (!muted) passOn(whole);
    else if (isReady) breakWith(muted);
  }));
}

/** Cuts a stream into Postgres' messages: a letter, a length, and so much. A client's first message has no letter. */
function messages(lettered: boolean, onMessage: (type: string, body: Buffer, whole: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let letter = lettered ? 1 : 0;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= letter + 4) {
      const end = letter + rest.readUInt32BE(letter);
      if (rest.length < end) return;
      const whole = rest.subarray(0, end);
      rest = rest.subarray(end);
      onMessage(letter === 1 ? String.fromCharCode(whole[0]!) : '', whole.subarray(letter + 4), whole);
      letter = 1;
    }
  };
}

function textAt(buffer: Buffer, start: number): string {
  return buffer.toString('utf8', start, buffer.indexOf(0, start));
}
