/** Bounds how many requests are under way to each destination. */
export interface Slots {
  /** Waits for a slot, at most `waitMs`; resolves to whether one was had. Each had slot must be released. */
  acquire(destination: string, waitMs: number): Promise<boolean>;
  release(destination: string): void;
}

export function createSlots(perDestination: number): Slots {
  const used = new Map<string, number>();
  const queues = new Map<string, (() => void)[]>();

  return {
    acquire(destination, waitMs) {
      const count = used.get(destination) ?? 0;
      if (count < perDestination) {
        used.set(destination, count + 1);
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const queue = queues.get(destination) ?? [];
        queues.set(destination, queue);
        const take = () => {
          clearTimeout(timer);
          resolve(true);
        };
        const timer = setTimeout(() => {
          queue.splice(queue.indexOf(take), 1);
          resolve(false);
        }, waitMs);
        queue.push(take);
      });
    },

    release(destination) {
      const next = queues.get(destination)?.shift();
      if (next) {
        next();
        return;
      }
      queues.delete(destination);
      const count = (used.get(destination) ?? 1) - 1;
      if (count > 0) used.set(destination, count);
      else used.delete(destination);
    },
  };
}
