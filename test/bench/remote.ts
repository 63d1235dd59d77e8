/** What a process does for the one that started it, by name. */
export type Commands = Record<string, (input: never) => unknown>;

interface Call {
  id: number;
  name: string;
  input: unknown;
}

interface Answer {
  id: number;
  value?: unknown;
  error?: string;
}

/** Calls a command of another process; rejects when the command throws or the process is gone. */
export type Caller<C extends Commands> = <K extends keyof C & string>(name: K, input: Parameters<C[K]>[0]) => Promise<Awaited<ReturnType<C[K]>>>;

/** The part of a child process that a caller needs. */
export interface Channel {
  send(message: unknown, callback: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'exit', listener: () => void): unknown;
}

/** In a child process: answers the parent's calls, and ends with the parent. */
export function serveCommands(commands: Commands): void {
  process.on('message', (message) => void answer(message as Call));
  process.once('disconnect', () => process.exit(0));
  // Ctrl-C in a terminal reaches every process: the parent decides what ends when.
  process.on('SIGINT', () => undefined);
  process.send?.('ready');

  async function answer({ id, name, input }: Call): Promise<void> {
    try {
      const value = await (commands[name] as (input: unknown) => unknown)(input);
      process.send?.({ id, value } satisfies Answer);
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Answer);
    }
  }
}

/** In the parent: a function that calls a child's commands. */
export function commandsOf<C extends Commands>(child: Channel, title: string): Caller<C> {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  child.on('message', (message) => {
    const { id, value, error } = message as Answer;
    const call = waiting.get(id);
    if (!call) return;
    waiting.delete(id);
    if (error === undefined) call.resolve(value);
    else call.reject(new Error(`${title}: ${error}`));
  });
  child.once('exit', () => {
    for (const call of waiting.values()) call.reject(new Error(`${title} ended.`));
    waiting.clear();
  });
  return (name, input) =>
    new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, { resolve: resolve as (value: unknown) => void, reject });
      child.send({ id: lastId, name, input } satisfies Call, (error) => {
        if (error) reject(new Error(`${title} cannot be reached: ${error.message}`));
      });
    });
}
