import proto from '@temporalio/proto';

const { History } = proto.temporal.api.history.v1;
export type History = proto.temporal.api.history.v1.IHistory;

/** A workflow's history as readable JSON that {@link historyOfJson} reads back. */
export function jsonOfHistory(history: History): string {
  const plain = History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String });
  // Which process did it says nothing.
  return `${JSON.stringify(plain, (key, value: unknown) => (key === 'identity' ? undefined : value), 1)}\n`;
}

export function historyOfJson(text: string): History {
  return History.fromObject(JSON.parse(text) as Record<string, unknown>);
}
