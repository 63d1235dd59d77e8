import type { Db } from '../store/database.ts';
import { announceNews, announcePressure } from '../store/newsChannel.ts';
import { loadDecidedSeqs } from '../store/progress.ts';

/** How sessions whose worker listens are told, and what they have made of it. */
export interface SessionNews {
  /** Tells the worker that listens for this session. Concurrent calls share a statement. */
  announce(sessionKey: number): Promise<void>;
  /** Tells all workers whether a burst of requests presses. */
  announcePressure(isPressing: boolean): Promise<void>;
  /** How far sessions are decided. */
  decided(sessionKeys: number[]): Promise<Map<number, number>>;
}

export function createSessionNews(db: Db): SessionNews {
  let waiting: number[] = [];
  let next: Promise<void> | undefined;
  let underWay: Promise<unknown> = Promise.resolve();

  async function flush(): Promise<void> {
    await underWay.catch(() => undefined);
    const keys = [...new Set(waiting)];
    waiting = [];
    next = undefined;
    const sent = announceNews(db, keys);
    underWay = sent;
    await sent;
  }

  return {
    announce(sessionKey) {
      waiting.push(sessionKey);
      next ??= flush();
      return next;
    },
    announcePressure: (isPressing) => announcePressure(db, isPressing),
    decided: (sessionKeys) => loadDecidedSeqs(db, sessionKeys),
  };
}
